import { execFileSync } from "node:child_process";

/** Whether there is a kubectl, without which its tests are skipped. */
export const hasKubectl = (() => {
  try {
    execFileSync("kubectl", ["version", "--client"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn("kubectl tests are skipped: there is no kubectl on the PATH");
    return false;
  }
})();
