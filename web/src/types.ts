// The shapes of AWS that the pages use, by AWS's names; times are texts in ISO 8601.

export type Kind = "user" | "group" | "role";

export interface Entity {
  Arn: string;
  Path: string;
  CreateDate: string;
  UserName?: string;
  GroupName?: string;
  RoleName?: string;
  UserId?: string;
  GroupId?: string;
  RoleId?: string;
  PasswordLastUsed?: string;
  AssumeRolePolicyDocument?: string;
  Description?: string;
  MaxSessionDuration?: number;
  PermissionsBoundary?: { PermissionsBoundaryArn: string };
  Tags?: Tag[];
}

export interface Tag {
  Key: string;
  Value: string;
}

export interface Policy {
  Arn: string;
  PolicyName: string;
  Path: string;
  DefaultVersionId: string;
  AttachmentCount: number;
  PermissionsBoundaryUsageCount?: number;
  IsAttachable: boolean;
  Description?: string;
  CreateDate?: string;
  UpdateDate?: string;
  Tags?: Tag[];
}

export interface PolicyVersion {
  VersionId: string;
  IsDefaultVersion: boolean;
  CreateDate: string;
  Document?: string;
}

export interface Attached {
  PolicyName: string;
  PolicyArn: string;
}

export interface AccessKey {
  AccessKeyId: string;
  Status: "Active" | "Inactive";
  CreateDate: string;
}

export interface ActionUse {
  ActionName: string;
  LastAccessedTime?: string;
  LastAccessedEntity?: string;
  LastAccessedRegion?: string;
}

export interface ServiceUse {
  ServiceName: string;
  ServiceNamespace: string;
  LastAuthenticated?: string;
  LastAuthenticatedEntity?: string;
  LastAuthenticatedRegion?: string;
  TotalAuthenticatedEntities?: number;
  TrackedActionsLastAccessed?: ActionUse[];
}

export interface EntityUse {
  EntityInfo: { Arn: string; Name: string; Type: string; Id: string };
  LastAuthenticated?: string;
}

export interface Granting {
  PolicyName: string;
  PolicyType: "INLINE" | "MANAGED";
  PolicyArn?: string;
  EntityType?: "USER" | "ROLE" | "GROUP";
  EntityName?: string;
}

export interface Line {
  PolicyArn?: string;
  PolicyName?: string;
  Index: number;
  Action: string;
  Fate: string;
  Resources: string[];
  Uses: number;
  Principals: number;
  LastUsed?: string;
  Confidence: string;
}

export interface Proposal {
  Arn: string;
  Policies: { PolicyArn?: string; PolicyName?: string; Document: string }[];
  Lines: Line[];
  Requests: number;
  Since: string;
  Until: string;
  Notes: string[];
}

export interface Replay {
  Requests: number;
  Allowed: number;
  Refused: number;
  RefusedAlready: number;
  NewlyAllowed: number;
  Denied: number;
  CannotTell: number;
  RefusedRequests: { RequestId: string; Time: string; PrincipalArn: string; Action: string; Resource: string; Reason: string; Count: number }[];
  Unknown: { Reason: string; Count: number }[];
  Gaps: { Why: string; After: string; Until: string; Lost: number }[];
  Notes: string[];
  /** The operations that make the change, each with its parameters. */
  Steps: string[];
}

export interface Commit {
  CommitId: string;
  Arn: string;
  Time: string;
  By: string;
  RolledBack?: string;
  Steps: string[];
}
