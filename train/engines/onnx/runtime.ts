/**
 * ONNX Runtime without its telemetry. The only module that imports the library: what else does would load it as its makers
 * have set it, and a test rejects that.
 *
 * From 1.30 on the library's Linux and macOS builds keep a lasting device id under the home folder, a database of events and a log,
 * and look up a host of Microsoft's to send them to. It is native code, so Deno's permissions do not stop it. It reads a variable
 * of the environment when its first session is made; a setting of a session does not exist.
 */
import "./telemetry.ts";
import { env, type Tensor } from "onnxruntime-node";
import { binding, initOrt } from "onnxruntime-node/dist/binding.js";

export { InferenceSession, Tensor } from "onnxruntime-node";

// What goes wrong is thrown; a line of the library's own beside it would be a second one, and past our output.
env.logLevel = "fatal";

/** A tensor as native code reads it: a `Tensor`, or a plain object, which it reads faster. */
export type TensorData = Pick<Tensor, "type" | "data" | "dims" | "location">;

/** Tensors by the names that a model gives its inputs. */
export type Feeds = Readonly<Record<string, TensorData>>;

/** By the names of outputs, what each is written into; null where a new tensor is to be made of it. */
export type Fetches = Readonly<Record<string, TensorData | null>>;

type Binding = InstanceType<typeof binding.InferenceSession>;

/** The library's own session, native code: what its `InferenceSession` calls, a turn of the event loop later each time. */
export interface NativeSession extends Pick<Binding, "loadModel" | "inputMetadata" | "outputMetadata" | "dispose"> {
  /** Makes a tensor of each output that is asked for, also of one that is written into another. */
  run(feeds: Feeds, fetches: Fetches): Record<string, Tensor>;
}

/** A native session without a model. */
export function newNativeSession(): NativeSession {
  // Once; it reads the level of the log that is set above.
  initOrt();
  // Its declaration asks for more than the code: methods of tensors, and options of the run.
  return new binding.InferenceSession() as unknown as NativeSession;
}
