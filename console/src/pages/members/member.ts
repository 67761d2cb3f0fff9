/** Of what somebody is a member, or invited to. */
export type Scope = "project" | "tenant";

/** A member of the project or of the tenant, as the lists show it. */
export interface Member {
  readonly scope: Scope;
  /** The tenant's id, or the project's uuid. */
  readonly subject: string;
  readonly login: string;
  readonly role: number;
  /** What cannot be changed here, why. */
  readonly fixed?: string;
  readonly since: Date | undefined;
  readonly isSelf: boolean;
}

/** An open invitation, as the list shows it. */
export interface Invitation {
  readonly key: string;
  readonly scope: Scope;
  readonly subject: string;
  readonly secret: string;
  readonly role: number;
  readonly expires: Date | undefined;
}
