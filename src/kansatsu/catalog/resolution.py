"""Which IAM actions on which resources an operation is: exactly for S3, DynamoDB and EC2, by name for the others."""

from kansatsu.catalog import ec2, generic, s3
from kansatsu.catalog.authorization import Authorization, Params, PartitionKey
from kansatsu.catalog.dynamodb import Resolver
from kansatsu.wire import Operation


def resolve(
    operation: Operation, params: Params, account: str, region: str, partition_key: PartitionKey | None = None
) -> tuple[Authorization, ...]:
    """Everything that must be allowed for this call; never empty. All of them must be; the first names the denial.

    `partition_key` tells the partition key of a DynamoDB table where it is known; it makes dynamodb:LeadingKeys exact.
    """
    service = operation.service.name
    if service == "s3":
        found = tuple(s3.resolve(operation.name, params))
    elif service in ("dynamodb", "dynamodbstreams"):
        found = tuple(Resolver(account, region, partition_key).resolve(operation.name, params))
    elif service == "ec2":
        found = ec2.resolve(operation, params, account, region)
    else:
        found = ()
    return found or (
        Authorization(generic.action(operation), "*", exact=False),
        *generic.foreign(operation, params, account),
    )
