/** Tests on ONNX Runtime; without the permissions that it needs, each is counted as ignored. */

const refused = (["ffi", "env", "read"] as const).filter((name) =>
  Deno.permissions.querySync({ name }).state !== "granted"
);
if (refused.length) console.log(`ONNX tests are ignored: they need --allow-${refused.join(" --allow-")}`);

/** What a test on ONNX Runtime is registered with. */
export const NEEDS_ONNX = { ignore: refused.length > 0 };
