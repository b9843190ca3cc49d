"""How each service words that it does not take a policy.

S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList; the others: the errors of
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html,
https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html,
https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html,
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutResourcePolicy.html,
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html,
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
"""

from collections.abc import Callable

from kansatsu.errors import AwsError
from kansatsu.resources import buses

Refusal = Callable[[str], AwsError]
INVALID_PRINCIPAL = "Invalid principal in policy"


def _plain(code: str, prefix: str = "") -> Refusal:
    return lambda message: AwsError(prefix + message, code=code, status=400)


def _kms(message: str) -> AwsError:
    if message == INVALID_PRINCIPAL:
        message = "Policy contains a statement with one or more invalid principals."
    return AwsError(message, code="MalformedPolicyDocumentException", status=400)


def _ecr(message: str) -> AwsError:
    text = f"Invalid parameter at 'PolicyText' failed to satisfy constraint: '{message}'"
    return AwsError(text, code="InvalidParameterException", status=400)


def _sns(message: str) -> AwsError:
    reason = "Policy Error: PrincipalNotFound" if message == INVALID_PRINCIPAL else f"Policy Error: {message}"
    return AwsError(f"Invalid parameter: {reason}", code="InvalidParameter", status=400)


REFUSALS: dict[str, Refusal] = {
    "s3": _plain("MalformedPolicy"),
    "sqs": _plain("InvalidAttributeValue", "Invalid value for the parameter Policy. "),
    "sns": _sns,
    "kms": _kms,
    "secretsmanager": _plain("MalformedPolicyDocumentException"),
    "ecr": _ecr,
    "dynamodb": _plain("ValidationException", "Invalid policy document: "),
    "events": buses.invalid,
}
TOO_LONG: dict[str, Callable[[int], AwsError]] = {
    "s3": lambda size: AwsError(
        f"Policy exceeds the maximum allowed document size of {size} bytes", code="PolicyTooLarge"
    ),
    "sqs": lambda size: AwsError(
        f"Invalid value for the parameter Policy. Reason: Must be at most {size} bytes.", code="InvalidAttributeValue"
    ),
    "sns": lambda size: AwsError(
        f"Invalid parameter: Policy Error: the policy is longer than {size} bytes", code="InvalidParameter"
    ),
    "kms": lambda size: AwsError(f"The key policy exceeds {size} bytes.", code="LimitExceededException"),
    "secretsmanager": lambda size: AwsError(
        f"The resource policy exceeds {size} characters.", code="LimitExceededException"
    ),
    "dynamodb": lambda size: AwsError(
        f"Invalid policy document: the policy exceeds {size} bytes.", code="ValidationException"
    ),
    "events": buses.too_long,
    "ecr": lambda size: _ecr(f"Member must have length less than or equal to {size}"),
}
