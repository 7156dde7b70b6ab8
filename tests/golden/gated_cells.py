"""Full gradients for gated_cells.json, in float64, written from the equations of the README, "The seven switches", and not from this project's code.

The file is older than this script: 96 settings of the switches, one to three layers, with losses, sums of gradients and final states. This script
runs its cases anew, by PyTorch's autograd, stops where a number that stands there differs, and adds `gradients_at_step_1`: full values, which a
gradient that is transposed, or whose rows stand in other places, has not, though its sum and its sum of squares are right. All cases of one layer
have them, and each eighth of the others.

    python3 tests/golden/gated_cells.py

PyTorch 1.13; of Debian 12, `/usr/bin/python3` with the package python3-torch.
"""

import json
import math
import pathlib

import torch

torch.set_default_dtype(torch.float64)
FILE = pathlib.Path(__file__).with_name("gated_cells.json")
golden = json.loads(FILE.read_text())
STATE, VOCAB, BATCH, STEPS, LR, PHASE = (golden["settings"][key] for key in ("state", "vocab", "batch", "steps", "lr", "phase"))
GRADIENT_STEP, EVERY, DIGITS = 1, 8, 13


def is_on(case, name):
    return case["use_" + name]


def inputs_of(case):
    """For each product of a layer, how many states wide its input is."""
    u = sum(is_on(case, name) for name in ("new_state", "old_state", "residual"))
    widths = {"state_nn": 2, "output_nn": u}
    if is_on(case, "input_gate"):
        widths |= {"input_gate_nn": 2, "state_input_gate_nn": 2}
    if is_on(case, "state_gate"):
        widths["state_gate_nn"] = 3
    if is_on(case, "forget_gate"):
        widths["forget_gate_nn"] = 3
    if is_on(case, "output_gate"):
        widths["output_gate_nn"] = 1 + u
    return widths


def weights_of(case):
    shapes = {"input_embedding.weight": [STATE, VOCAB], "input_embedding.bias": [STATE],
              "output_embedding.weight": [VOCAB, STATE], "output_embedding.bias": [VOCAB]}
    for layer in range(case["n_layers"]):
        for name, width in inputs_of(case).items():
            shapes[f"layers.{layer}.{name}.weight"] = [STATE, width * STATE]
            shapes[f"layers.{layer}.{name}.bias"] = [STATE]
    tensors = {}
    for n, (name, shape) in enumerate(sorted(shapes.items())):
        values = [0.5 * math.sin(0.7 * (i + 1) + 1.3 * (n + 1) + PHASE) for i in range(math.prod(shape))]
        tensors[name] = torch.tensor(values).reshape(shape).requires_grad_()
    return tensors


def cell(case, linear, x, h):
    """The equations of the README, line by line; returns the output and the carried state."""
    sigmoid, tanh = torch.sigmoid, torch.tanh
    x_gated, h_gated = x, h
    if is_on(case, "input_gate"):
        x_gated = sigmoid(linear("input_gate_nn", x, h)) * x
        h_gated = sigmoid(linear("state_input_gate_nn", x, h)) * h
    n = tanh(linear("state_nn", x_gated, h_gated))
    if is_on(case, "state_gate"):
        z = sigmoid(linear("state_gate_nn", x_gated, h_gated, n))
        n = z * n + (1 - z) * h
    if is_on(case, "forget_gate"):
        n = sigmoid(linear("forget_gate_nn", x_gated, h_gated, n)) * n
    u = [value for name, value in (("new_state", n), ("old_state", h_gated), ("residual", x)) if is_on(case, name)]
    o = linear("output_nn", *u)
    return o * sigmoid(linear("output_gate_nn", o, *u) if is_on(case, "output_gate") else o), n


def byte(b, t):
    return (3 * t + 5 * b + t * b) % VOCAB


def run(case):
    tensors, functional = weights_of(case), torch.nn.functional
    optimizer = torch.optim.Adam(tensors.values(), lr=LR)
    states = [torch.zeros(BATCH, STATE) for _ in range(case["n_layers"])]
    losses, gradients = [], {}

    for t in range(STEPS):
        now, targets = (torch.tensor([byte(b, at) for b in range(BATCH)]) for at in (t, t + 1))
        x = functional.linear(functional.one_hot(now, VOCAB).double(), *of(tensors, "input_embedding"))
        for layer, h in enumerate(states):
            linear = lambda name, *parts: functional.linear(torch.cat(parts, dim=1), *of(tensors, f"layers.{layer}.{name}"))
            x, n = cell(case, linear, x, h)
            states[layer] = n.detach()
        loss = functional.cross_entropy(functional.linear(x, *of(tensors, "output_embedding")), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if t == GRADIENT_STEP:
            gradients = {name: None if w.grad is None else w.grad.clone() for name, w in tensors.items()}
        losses.append(loss.item())
        optimizer.step()
    return losses, gradients, [state.flatten().tolist() for state in states]


def of(tensors, name):
    return tensors[name + ".weight"], tensors[name + ".bias"]


def close(found, wanted, what):
    if not math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12):
        raise SystemExit(f"{what} is {found}, the file has {wanted}")


def check(index, case, losses, gradients, final):
    for found, wanted in zip(losses, case["losses"], strict=True):
        close(found, wanted, f"case {index}: a loss")
    for name, wanted in case["grads_at_step_1"].items():
        gradient = gradients[name]
        # Adam leaves alone what no gradient reaches, and so does a gradient of 0.
        if wanted is None or gradient is None:
            assert wanted is None and (gradient is None or not gradient.any()), (index, name)
            continue
        close(gradient.sum().item(), wanted[0], f"case {index}: the sum of {name}")
        close((gradient**2).sum().item(), wanted[1], f"case {index}: the squares of {name}")
    for state, wanted in zip(final, case["final_state"], strict=True):
        for found, value in zip(state, wanted, strict=True):
            close(found, value, f"case {index}: a state")


def full_ones(case, gradients):
    """An embedding: of the input, which the gradient reaches last, where it does. Of the last layer, the first weight with most inputs, and
    the one that makes the state, where a gradient reaches it."""
    layer = f"layers.{case['n_layers'] - 1}."
    trained = [name for name, wanted in sorted(case["grads_at_step_1"].items()) if wanted is not None]
    inner = [name for name in trained if name.startswith(layer) and name.endswith(".weight")]
    embedding = next(name for name in ("input_embedding.weight", "output_embedding.weight") if name in trained)
    widest = max(inner, key=lambda name: gradients[name].shape[1])
    return dict.fromkeys([embedding, widest, *(name for name in inner if name == layer + "state_nn.weight")])


def rounded(gradient):
    return [[float(f"{value:.{DIGITS}g}") for value in row] for row in gradient.tolist()]


for index, case in enumerate(golden["cases"]):
    losses, gradients, final = run(case)
    check(index, case, losses, gradients, final)
    case.pop("gradients_at_step_1", None)
    if case["n_layers"] == 1 or index % EVERY == 0:
        case["gradients_at_step_1"] = {name: rounded(gradients[name]) for name in full_ones(case, gradients)}
FILE.write_text(json.dumps(golden, separators=(",", ":")))
