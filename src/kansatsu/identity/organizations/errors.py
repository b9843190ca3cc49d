"""The errors of AWS Organizations, in its own codes.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
"""

from kansatsu.errors import AwsError

_SENTENCES = {
    "AWSOrganizationsNotInUseException": "Your account is not a member of an organization.",
    "AccessDeniedException": "You don't have permissions to access this resource.",
    "AccountAlreadyClosedException": "You attempted to close an account that is already closed.",
    "AccountAlreadyRegisteredException": "The account is already a delegated administrator for this service.",
    "AccountNotFoundException": "You specified an account that doesn't exist.",
    "AccountNotRegisteredException": "The account is not a delegated administrator for this service.",
    "AccountOwnerNotVerifiedException": "The email address of the management account is not verified.",
    "AlreadyInOrganizationException": "The AWS account is already a member of an organization.",
    "ChildNotFoundException": "You specified a child that doesn't exist.",
    "CreateAccountStatusNotFoundException": "You specified a create account request that doesn't exist.",
    "DestinationParentNotFoundException": "You specified a destination parent that doesn't exist.",
    "DuplicateAccountException": "The account is already in the destination that you specified.",
    "DuplicateHandshakeException": "A handshake with the same action and target already exists.",
    "DuplicateOrganizationalUnitException": "An OU with the same name already exists.",
    "DuplicatePolicyAttachmentException": "The policy is already attached to the specified target.",
    "DuplicatePolicyException": "A policy with the same name already exists.",
    "EffectivePolicyNotFoundException": "The target has no effective policy of the specified type.",
    "HandshakeAlreadyInStateException": "The handshake is already in the requested state.",
    "HandshakeNotFoundException": "You specified a handshake that doesn't exist.",
    "InvalidHandshakeTransitionException": "The handshake can't be changed from its present state to that one.",
    "MasterCannotLeaveOrganizationException": "You can't remove the management account from an organization.",
    "OrganizationNotEmptyException": "The organization still has member accounts, organizational units or policies.",
    "OrganizationalUnitNotEmptyException": "The organizational unit still has accounts or organizational units.",
    "OrganizationalUnitNotFoundException": "You specified an organizational unit that doesn't exist.",
    "ParentNotFoundException": "You specified a parent that doesn't exist.",
    "PolicyInUseException": "The policy is attached to one or more targets; detach it first.",
    "PolicyNotAttachedException": "The policy isn't attached to the specified target.",
    "PolicyNotFoundException": "You specified a policy that doesn't exist.",
    "PolicyTypeAlreadyEnabledException": "The specified policy type is already enabled.",
    "PolicyTypeNotAvailableForOrganizationException": "The organization's feature set has no such policies.",
    "PolicyTypeNotEnabledException": "This operation can be performed only for enabled policy types.",
    "ResourcePolicyNotFoundException": "The organization has no resource policy.",
    "RootNotFoundException": "You specified a root that doesn't exist.",
    "SourceParentNotFoundException": "You specified a source parent that doesn't exist.",
    "TargetNotFoundException": "You specified a target that doesn't exist.",
}


def error(code: str, sentence: str = "") -> AwsError:
    """The error of that code. A code that has no sentence of its own must be given one."""
    return AwsError(sentence or _SENTENCES[code], code=code, status=400)


def violation(reason: str, sentence: str) -> AwsError:
    """A quota or rule that the request would break: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"""
    return AwsError(sentence, code="ConstraintViolationException", status=400, fields={"Reason": reason})


def constraint(reason: str, sentence: str) -> AwsError:
    """What a handshake may not be about."""
    return AwsError(sentence, code="HandshakeConstraintViolationException", status=400, fields={"Reason": reason})


def invalid(reason: str, sentence: str) -> AwsError:
    """Input that the model lets pass and that is wrong all the same."""
    return AwsError(sentence, code="InvalidInputException", status=400, fields={"Reason": reason})
