/** Switches off what ONNX Runtime would record and send: see `runtime.ts`. */
import { messageOf, UserError } from "../../../cells/errors.ts";

/** What the library reads; also in the permissions of each task that uses it. */
export const TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY";

/**
 * Sets the variable for the whole process, whatever it was before.
 *
 * @throws {UserError} if this program may not set it
 */
export function disableTelemetry(): void {
  try {
    Deno.env.set(TELEMETRY_VARIABLE, "1");
  } catch (error) {
    throw new UserError(
      `Cannot use ONNX Runtime: its telemetry cannot be switched off without --allow-env=${TELEMETRY_VARIABLE}: ` +
        messageOf(error),
    );
  }
}

// Before the library is loaded, in case a later version reads the variable then. Whoever loads it and makes no session needs no permission.
try {
  disableTelemetry();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
}
