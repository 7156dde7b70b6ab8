/** `deno task bench` with models of a few states, rounds of a step or two, and peers of the test's own. */
import { bench } from "../../../experiments/bench/bench.ts";
import { torchPeer } from "../../../experiments/bench/peers/torch.ts";
import type { Peer, PeerTask } from "../../../experiments/bench/peers/peer.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";

const TWO_MILLISECONDS = () => Promise.resolve(2);

/** Does no step: it says how long one takes, and that its first losses were ours, or so much more. */
function pretender(what: string, more: number, device: Peer["device"] = "cpu", round = TWO_MILLISECONDS): Peer {
  return {
    what,
    device,
    open: ({ starts }: PeerTask) =>
      Promise.resolve({
        what: `${what} 1.0`,
        runs: 1,
        losses: [starts[0].losses.map((loss) => loss + more)],
        round,
        close: () => Promise.resolve(),
      }),
  };
}

await bench({
  best: { ...SMALL_CONFIG, state_size: 8 },
  small: { ...SMALL_CONFIG, state_size: 4 },
  timing: { rounds: 3, roundSeconds: 0.001, limitSeconds: 1 },
  scoredBytes: 5000,
  peers: [
    pretender("right", 0),
    pretender("wrong", 0.5),
    pretender("on a GPU", 0, "gpu"),
    {
      what: "not here",
      device: "cpu",
      open: () => Promise.resolve({ what: "not here", absent: "it is not installed" }),
    },
    pretender("broken", 0, "cpu", () => Promise.reject(new Error("it broke"))),
    torchPeer("eager", {}),
  ],
  measureExperiment01: (training) => Promise.resolve(`not estimated: ${training} is a test's`),
});
