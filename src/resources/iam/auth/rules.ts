import { invalidField } from "../../../errors.js";

/** Refuses a password that is the user's name; its length is a rule of the contract. */
export function refuseWeakPassword(password: string, username: string): void {
  const name = username.toLowerCase();
  const weak = [name, name.split("@", 1)[0]];
  if (weak.includes(password.toLowerCase())) throw invalidField("new_password", "must not be the name of the user");
}
