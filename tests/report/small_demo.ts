/** `deno task demo` with four configurations and few steps: for a test that goes the whole way. */
import { parseSelection } from "../../experiments/study/selection.ts";
import { demo } from "../../report/demo.ts";

const only = "use_input_gate=false,use_forget_gate=false,use_old_state=false,use_new_state=true,use_residual=true";
await demo({ only: parseSelection(only), steps: 60, batch: 8, history: 31 });
