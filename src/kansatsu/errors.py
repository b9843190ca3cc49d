"""Every error that AWS services answer with and that we raise: code, status, message.

A handler raises one of these; the wire layer alone renders it. `AwsError` may be raised directly with a code of its
own where a backend or a table decides the code.
"""


class AwsError(Exception):
    """An answer that is an error: `code` as AWS spells it, HTTP `status`, the sentence for the user.

    `fields` are further members of the modelled error shape, by their AWS names.
    """

    code: str = "InternalFailure"
    status: int = 400

    def __init__(self, message: str = "", *, code: str = "", status: int = 0, fields: dict[str, object] | None = None):
        super().__init__(message)
        self.message = message
        self.fields = fields or {}
        if code:
            self.code = code
        if status:
            self.status = status


# Common to every service: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html


class AccessDenied(AwsError):
    code = "AccessDenied"
    status = 403


class InternalFailure(AwsError):
    code = "InternalFailure"
    status = 500


class ValidationError(AwsError):
    code = "ValidationError"


class InvalidAction(AwsError):
    code = "InvalidAction"


class Unimplemented(AwsError):
    code = "NotImplemented"
    status = 501


class ServiceUnavailable(AwsError):
    code = "ServiceUnavailable"
    status = 503


class SlowDown(AwsError):
    code = "SlowDown"
    status = 503


class Throttling(AwsError):
    code = "Throttling"


# IAM: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html


class ConcurrentModification(AwsError):
    code = "ConcurrentModification"
    status = 409


class DeleteConflict(AwsError):
    code = "DeleteConflict"
    status = 409


class EntityAlreadyExists(AwsError):
    code = "EntityAlreadyExists"
    status = 409


class EntityTemporarilyUnmodifiable(AwsError):
    code = "EntityTemporarilyUnmodifiable"
    status = 409


class InvalidInput(AwsError):
    code = "InvalidInput"


class LimitExceeded(AwsError):
    code = "LimitExceeded"
    status = 409


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocument"


class NoSuchEntity(AwsError):
    code = "NoSuchEntity"
    status = 404


class PolicyNotAttachable(AwsError):
    code = "PolicyNotAttachable"


class UnmodifiableEntity(AwsError):
    code = "UnmodifiableEntity"


# STS: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html


class PackedPolicyTooLarge(AwsError):
    code = "PackedPolicyTooLarge"


# EC2: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html


class DryRunOperation(AwsError):
    code = "DryRunOperation"
    status = 412


class IdempotentParameterMismatch(AwsError):
    code = "IdempotentParameterMismatch"


class IncorrectInstanceState(AwsError):
    code = "IncorrectInstanceState"


class IncorrectState(AwsError):
    code = "IncorrectState"


class InstanceLimitExceeded(AwsError):
    code = "InstanceLimitExceeded"


class InvalidAMIIDMalformed(AwsError):
    code = "InvalidAMIID.Malformed"


class InvalidAMIIDNotFound(AwsError):
    code = "InvalidAMIID.NotFound"


class InvalidAssociationIDNotFound(AwsError):
    code = "InvalidAssociationID.NotFound"


class InvalidIamInstanceProfileArnMalformed(AwsError):
    code = "InvalidIamInstanceProfileArn.Malformed"


class InvalidInstanceIDMalformed(AwsError):
    code = "InvalidInstanceID.Malformed"


class InvalidInstanceIDNotFound(AwsError):
    code = "InvalidInstanceID.NotFound"


class InvalidParameterCombination(AwsError):
    code = "InvalidParameterCombination"


class InvalidParameterValue(AwsError):
    code = "InvalidParameterValue"


class MissingParameter(AwsError):
    code = "MissingParameter"


class OperationNotPermitted(AwsError):
    code = "OperationNotPermitted"


class UnauthorizedOperation(AwsError):
    code = "UnauthorizedOperation"
    status = 403


class UnsupportedOperation(AwsError):
    code = "UnsupportedOperation"


# ECS: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html


class ClientException(AwsError):
    code = "ClientException"


class ClusterContainsServicesException(AwsError):
    code = "ClusterContainsServicesException"


class ClusterContainsTasksException(AwsError):
    code = "ClusterContainsTasksException"


class ClusterNotFoundException(AwsError):
    code = "ClusterNotFoundException"


class ConflictException(AwsError):
    code = "ConflictException"


class InvalidParameterException(AwsError):
    code = "InvalidParameterException"


class NoUpdateAvailableException(AwsError):
    code = "NoUpdateAvailableException"


class ResourceNotFoundException(AwsError):
    code = "ResourceNotFoundException"


class ServiceNotActiveException(AwsError):
    code = "ServiceNotActiveException"


class ServiceNotFoundException(AwsError):
    code = "ServiceNotFoundException"
