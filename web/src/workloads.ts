// What runs here with a role: instances, processes, tasks; and what of EC2 and ECS the pages ask for.
import { all, call, Failure } from "./api";
import type { Entity, Tag } from "./types";

export interface Credentials {
  AccessKeyId: string;
  Delivery?: string;
  Issued: string;
  Expiration: string;
  LastUsed?: string;
  LastUsedService?: string;
}

export interface Workload {
  Id: string;
  Kind: "container" | "process" | "task" | string;
  Name: string;
  Container?: string;
  State: string;
  Arn?: string;
  Region: string;
  ImageId?: string;
  PrivateIpAddress?: string;
  Launched?: string;
  Adopted: boolean;
  Served: boolean;
  InstanceProfile?: { Name: string; Arn: string };
  AssociationId?: string;
  Role?: { Name: string; Arn: string; LastUsed?: string };
  Credentials?: Credentials[];
  Problems?: string[];
  Cluster?: string;
  TaskDefinition?: string;
  Containers?: { Name: string; State: string; Image: string; ExitCode?: number; Reason?: string }[];
  StoppedReason?: string;
}

export interface Running {
  Workloads: Workload[];
  Refused?: { Container: string; Reason: string }[];
}

export const running = (...ids: string[]) => call<Running>("kansatsu", "DescribeWorkloads", ids.length ? { InstanceIds: ids } : {});

export async function one(id: string): Promise<Workload> {
  const found = (await running(id)).Workloads[0];
  if (!found) throw new Failure("Missing", id, {});
  return found;
}

export interface Profile {
  InstanceProfileName: string;
  Arn: string;
  Path: string;
  CreateDate: string;
  Roles: Entity[];
  Tags?: Tag[];
}

export const profiles = () => all<Profile>("ListInstanceProfiles", "InstanceProfiles");

export const profile = async (name: string) =>
  (await call<{ InstanceProfile: Profile }>("iam", "GetInstanceProfile", { InstanceProfileName: name })).InstanceProfile;

export const attachProfile = (of: Workload, Name: string) =>
  of.AssociationId
    ? call("ec2", "ReplaceIamInstanceProfileAssociation", { AssociationId: of.AssociationId, IamInstanceProfile: { Name } })
    : call("ec2", "AssociateIamInstanceProfile", { InstanceId: of.Id, IamInstanceProfile: { Name } });

export const detachProfile = (of: Workload) => call("ec2", "DisassociateIamInstanceProfile", { AssociationId: of.AssociationId });

interface Turned {
  nextToken?: string;
}

/** All items of an operation of ECS that pages. */
async function every<T>(operation: string, member: string, parameters: object = {}): Promise<T[]> {
  const found: T[] = [];
  let nextToken: string | undefined;
  do {
    const page: Turned & Record<string, unknown> = await call("ecs", operation, { ...parameters, ...(nextToken ? { nextToken } : {}) });
    found.push(...((page[member] as T[] | undefined) ?? []));
    nextToken = page.nextToken;
  } while (nextToken);
  return found;
}

/** Described so many at a time as AWS takes. */
async function described<T>(operation: string, member: string, arns: string[], atOnce: number, more: object = {}): Promise<T[]> {
  const found: T[] = [];
  for (let from = 0; from < arns.length; from += atOnce) {
    const page = await call<Record<string, T[]>>("ecs", operation, { [member]: arns.slice(from, from + atOnce), ...more });
    found.push(...(page[member] ?? []));
  }
  return found;
}

export interface Cluster {
  clusterName: string;
  clusterArn: string;
  status: string;
  runningTasksCount: number;
  pendingTasksCount: number;
  activeServicesCount: number;
}

export const clusters = async () => described<Cluster>("DescribeClusters", "clusters", await every("ListClusters", "clusterArns"), 100);

export interface Service {
  serviceName: string;
  serviceArn: string;
  status: string;
  taskDefinition: string;
  desiredCount: number;
  runningCount: number;
  pendingCount: number;
  events?: { id: string; createdAt: string; message: string }[];
}

export const services = async (cluster: string) =>
  described<Service>("DescribeServices", "services", await every("ListServices", "serviceArns", { cluster }), 10, { cluster });

export const definitions = () => every<string>("ListTaskDefinitions", "taskDefinitionArns", { sort: "DESC" });

export interface Definition {
  taskDefinitionArn: string;
  family: string;
  revision: number;
  status: string;
  taskRoleArn?: string;
  executionRoleArn?: string;
  containerDefinitions: { name: string; image: string }[];
}

export const definition = async (name: string) =>
  (await call<{ taskDefinition: Definition }>("ecs", "DescribeTaskDefinition", { taskDefinition: name })).taskDefinition;

const AT_ONCE = 10; // requests

/** The active task definitions that name a role, for their tasks or to start them. */
export async function definitionsWith(role: string): Promise<string[]> {
  const arns = await definitions();
  const found: Definition[] = [];
  for (let from = 0; from < arns.length; from += AT_ONCE) found.push(...(await Promise.all(arns.slice(from, from + AT_ONCE).map(definition))));
  const has = (arn?: string) => arn?.split("/").pop() === role;
  return found.filter((one) => has(one.taskRoleArn) || has(one.executionRoleArn)).map((one) => revisionOf(one.taskDefinitionArn));
}

export const register = async (text: string) =>
  (await call<{ taskDefinition: Definition }>("ecs", "RegisterTaskDefinition", JSON.parse(text) as object)).taskDefinition;

interface Ran {
  tasks?: { taskArn: string }[];
  failures?: { arn?: string; reason?: string; detail?: string }[];
}

/** The id of the task that was started. */
export async function run(taskDefinition: string, cluster: string): Promise<string> {
  const { tasks = [], failures = [] } = await call<Ran>("ecs", "RunTask", { taskDefinition, cluster });
  const made = tasks[0]?.taskArn.split("/").pop();
  if (!made) throw new Failure("RunTask", failures.map((each) => [each.reason, each.detail].filter(Boolean).join(": ")).join("; "), {});
  return made;
}

export const stop = (of: Workload) => call("ecs", "StopTask", { cluster: of.Cluster, task: of.Id });

export interface Log {
  Container: string;
  Text: string;
  Last?: string;
}

export const logs = (task: string, after: Log[]) =>
  call<{ Logs?: Log[]; State: string }>(
    "kansatsu",
    "GetTaskLogs",
    // `After`, also with nothing in it, says that more will be asked for: a line that is half written is told once, whole.
    { Task: task, Lines: 1000, After: after.map(({ Container, Last }) => ({ Container, Last })) },
    10_000, // an engine that does not answer is asked again
  );

/** greeter:3 of an ARN of a task definition. */
export const revisionOf = (arn: string) => arn.split("/").pop() ?? arn;
