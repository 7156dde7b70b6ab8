"""Golden numbers of the catalog's cells in float64, written from the papers' equations and not from this project's code.

The form is that of gated_cells.json: weights by a formula, 12 Adam steps, losses before each update, gradients at step 1 (from 0), final
states layer by layer, in a layer in the order of its states. Carried states are constants for the gradient.

    python3 tests/golden/catalog_cells.py > tests/golden/catalog_cells.json
    python3 tests/golden/catalog_cells.py 4 > tests/golden/catalog_bptt.json

With a number, a step reads so many tokens of each row and its gradient goes back through all of them, as docs/bptt.md says. Each
case also has the full values of two gradients: one that is transposed has the same sums.

PyTorch 1.13; of Debian 12, `/usr/bin/python3` with the package python3-torch.
"""

import json
import math
import sys

import torch

torch.set_default_dtype(torch.float64)
# With another phase than the gated cell's 0: there no relu of the second layer lets anything through, so its gradients would be 0.
# The sLSTM is the least exact, at any phase: with no state yet its gates' gradients are 0 but for rounding, which Adam scales up.
STATE, VOCAB, BATCH, LR = 4, 7, 3, 0.02
BPTT = int(sys.argv[1]) if len(sys.argv) > 1 else 1
STEPS, PHASE = (12, 3.0) if BPTT == 1 else (6, 4.0)
# Through several steps, at any phase, engines in float32 are off by more than 1e-4: those gradients that are 0 but for rounding decide.
LEFT_OUT = [] if BPTT == 1 else ["slstm"]
sigmoid, tanh, relu, exp = torch.sigmoid, torch.tanh, torch.relu, torch.exp


class Weights:
    """The weights of one layer. `wx`, `wh` … are the blocks of a weight's columns, one for each input."""

    def __init__(self, tensors, layer):
        self.tensors, self.prefix = tensors, f"layers.{layer}."

    def vector(self, name):
        return self.tensors[self.prefix + name]

    def blocks(self, name):
        return self.tensors[f"{self.prefix}{name}.weight"].split(STATE, dim=1)

    def bias(self, name):
        return self.tensors[f"{self.prefix}{name}.bias"]

    def affine(self, name, *inputs):
        return sum(x @ w.T for x, w in zip(inputs, self.blocks(name))) + self.bias(name)


# Each cell: its weights' shapes, its states, and a step from (weights, x, states) to (output, new states).


def vanilla(w, x, h):
    wx, wh = w.blocks("state_nn")
    h = torch.rnn_tanh_cell(x, h, wx, wh, w.bias("state_nn"), torch.zeros(STATE))
    return h, [h]


def gru(w, x, h):
    # Cho et al. 2014: the reset gate before the product, so not torch.nn.GRU.
    r = sigmoid(w.affine("reset_gate_nn", x, h))
    z = sigmoid(w.affine("update_gate_nn", x, h))
    candidate = tanh(w.affine("state_nn", x, r * h))
    h = z * h + (1 - z) * candidate
    return h, [h]


def lstm(w, x, h, c):
    # PyTorch's own cell, whose rows are those of i, f, g, o.
    names = ["input_gate_nn", "forget_gate_nn", "state_nn", "output_gate_nn"]
    w_ih, w_hh = (torch.cat([w.blocks(name)[side] for name in names]) for side in (0, 1))
    bias = torch.cat([w.bias(name) for name in names])
    h, c = torch.lstm_cell(x, (h, c), w_ih, w_hh, bias, torch.zeros(4 * STATE))
    return h, [h, c]


def min_gru(w, x, h):
    z = sigmoid(w.affine("update_gate_nn", x))
    h = (1 - z) * h + z * w.affine("state_nn", x)
    return h, [h]


def min_lstm(w, x, h):
    f, i = sigmoid(w.affine("forget_gate_nn", x)), sigmoid(w.affine("input_gate_nn", x))
    h = f / (f + i) * h + i / (f + i) * w.affine("state_nn", x)
    return h, [h]


def indrnn(w, x, h):
    h = relu(w.affine("state_nn", x) + w.vector("recurrent") * h)
    return h, [h]


def mgu(w, x, h):
    f = sigmoid(w.affine("forget_gate_nn", x, h))
    h = (1 - f) * h + f * tanh(w.affine("state_nn", x, f * h))
    return h, [h]


def janet(w, x, h):
    s = w.affine("forget_gate_nn", x, h)
    h = sigmoid(s) * h + (1 - sigmoid(s - 1)) * tanh(w.affine("state_nn", x, h))
    return h, [h]


def li_gru(w, x, h):
    z = sigmoid(w.affine("update_gate_nn", x, h))
    h = z * h + (1 - z) * relu(w.affine("state_nn", x, h))
    return h, [h]


def ugrnn(w, x, h):
    g = sigmoid(w.affine("update_gate_nn", x, h))
    h = g * h + (1 - g) * tanh(w.affine("state_nn", x, h))
    return h, [h]


def ran(w, x, c):
    h = tanh(c)
    i, f = sigmoid(w.affine("input_gate_nn", x, h)), sigmoid(w.affine("forget_gate_nn", x, h))
    c = i * w.affine("state_nn", x) + f * c
    return tanh(c), [c]


def slstm(w, x, h, c, n, m):
    # Equations 8 to 14, without the stabilizer: its states are those here times exp(m), h is the same.
    c, n = c * exp(m), n * exp(m)
    z, o = tanh(w.affine("state_nn", x, h)), sigmoid(w.affine("output_gate_nn", x, h))
    i_exponent, f = w.affine("input_gate_nn", x, h), sigmoid(w.affine("forget_gate_nn", x, h))
    i = exp(i_exponent)
    c, n = f * c + i * z, f * n + i
    h = o * c / n
    m = torch.maximum(torch.log(f) + m, i_exponent)
    return h, [h, c * exp(-m), n * exp(-m), m]


def lru(w, x, re, im):
    # In complex numbers.
    pair = torch.complex(w.vector("phase_cos"), w.vector("phase_sin"))
    eigenvalue = exp(-exp(w.vector("nu_log"))) * pair / pair.abs()
    drive = torch.complex(w.affine("input_re_nn", x), w.affine("input_im_nn", x))
    s = eigenvalue * torch.complex(re, im) + exp(w.vector("gamma_log")) * drive
    c_re, minus_c_im = w.blocks("output_nn")
    o = (s @ torch.complex(c_re, -minus_c_im).T).real + w.bias("output_nn") + w.vector("direct") * x
    return x + w.affine("glu_nn", o) * sigmoid(w.affine("glu_gate_nn", o)), [s.real, s.imag]


def cornn(w, x, h, z):
    dt, gamma, epsilon = 0.5, 1.0, 1.0
    z = z + dt * (tanh(w.affine("state_nn", x, z, h)) - gamma * h - epsilon * z)
    h = h + dt * z
    return h, [h, z]


def lem(w, x, h, z):
    step_z, step_h = sigmoid(w.affine("memory_step_nn", x, h)), sigmoid(w.affine("state_step_nn", x, h))
    z = (1 - step_z) * z + step_z * tanh(w.affine("memory_nn", x, h))
    h = (1 - step_h) * h + step_h * tanh(w.affine("state_nn", x, z))
    return h, [h, z]


def peephole_lstm(w, x, h, c):
    i = sigmoid(w.affine("input_gate_nn", x, h) + w.vector("input_gate_peephole") * c)
    f = sigmoid(w.affine("forget_gate_nn", x, h) + w.vector("forget_gate_peephole") * c)
    c = f * c + i * tanh(w.affine("state_nn", x, h))
    o = sigmoid(w.affine("output_gate_nn", x, h) + w.vector("output_gate_peephole") * c)
    h = o * tanh(c)
    return h, [h, c]


def mlstm(w, x, h, c):
    m = w.affine("input_factor_nn", x) * w.affine("state_factor_nn", h)
    return lstm(w, x, m, c)


LSTM_SHAPES = {name: 2 for name in ["input_gate_nn", "forget_gate_nn", "state_nn", "output_gate_nn"]}
VECTORS = {"lru": ["nu_log", "phase_cos", "phase_sin", "gamma_log", "direct"], "indrnn": ["recurrent"],
           "peephole_lstm": ["input_gate_peephole", "forget_gate_peephole", "output_gate_peephole"]}
# The cell, its number of states, and for each product the number of inputs that it joins.
CELLS = {
    "vanilla": (vanilla, 1, {"state_nn": 2}),
    "gru": (gru, 1, {"reset_gate_nn": 2, "update_gate_nn": 2, "state_nn": 2}),
    "lstm": (lstm, 2, LSTM_SHAPES),
    "min_gru": (min_gru, 1, {"update_gate_nn": 1, "state_nn": 1}),
    "min_lstm": (min_lstm, 1, {"forget_gate_nn": 1, "input_gate_nn": 1, "state_nn": 1}),
    "indrnn": (indrnn, 1, {"state_nn": 1}),
    "mgu": (mgu, 1, {"forget_gate_nn": 2, "state_nn": 2}),
    "janet": (janet, 1, {"forget_gate_nn": 2, "state_nn": 2}),
    "li_gru": (li_gru, 1, {"update_gate_nn": 2, "state_nn": 2}),
    "ugrnn": (ugrnn, 1, {"update_gate_nn": 2, "state_nn": 2}),
    "ran": (ran, 1, {"input_gate_nn": 2, "forget_gate_nn": 2, "state_nn": 1}),
    "slstm": (slstm, 4, LSTM_SHAPES),
    "lru": (lru, 2, {"input_re_nn": 1, "input_im_nn": 1, "output_nn": 2, "glu_nn": 1, "glu_gate_nn": 1}),
    "cornn": (cornn, 2, {"state_nn": 3}),
    "lem": (lem, 2, {"memory_step_nn": 2, "state_step_nn": 2, "memory_nn": 2, "state_nn": 2}),
    "peephole_lstm": (peephole_lstm, 2, LSTM_SHAPES),
    "mlstm": (mlstm, 2, {"input_factor_nn": 1, "state_factor_nn": 1, **LSTM_SHAPES}),
    "lstm_forget_bias_1": (lstm, 2, LSTM_SHAPES),
}


def shapes_of(cell, n_layers):
    shapes = {"input_embedding.weight": [STATE, VOCAB], "input_embedding.bias": [STATE],
              "output_embedding.weight": [VOCAB, STATE], "output_embedding.bias": [VOCAB]}
    for layer in range(n_layers):
        for name, inputs in CELLS[cell][2].items():
            shapes[f"layers.{layer}.{name}.weight"] = [STATE, inputs * STATE]
            shapes[f"layers.{layer}.{name}.bias"] = [STATE]
        for name in VECTORS.get(cell, []):
            shapes[f"layers.{layer}.{name}"] = [STATE]
    return shapes


def weights_of(cell, n_layers):
    tensors = {}
    for n, (name, shape) in enumerate(sorted(shapes_of(cell, n_layers).items())):
        values = [0.5 * math.sin(0.7 * (i + 1) + 1.3 * (n + 1) + PHASE) for i in range(math.prod(shape))]
        tensors[name] = torch.tensor(values).reshape(shape).requires_grad_()
    return tensors


def byte(b, t):
    return (3 * t + 5 * b + t * b) % VOCAB


def run(cell, n_layers):
    step, n_states, _ = CELLS[cell]
    tensors = weights_of(cell, n_layers)
    optimizer = torch.optim.Adam(tensors.values(), lr=LR)
    states = [[torch.zeros(BATCH, STATE) for _ in range(n_states)] for _ in range(n_layers)]
    losses, gradients, full = [], {}, {}
    for update in range(STEPS):
        states = [[state.detach() for state in layer] for layer in states]
        loss = 0
        for t in range(update * BPTT, (update + 1) * BPTT):
            bytes_now, targets = (torch.tensor([byte(b, t + ahead) for b in range(BATCH)]) for ahead in (0, 1))
            x = tensors["input_embedding.weight"].T[bytes_now] + tensors["input_embedding.bias"]
            for layer in range(n_layers):
                x, states[layer] = step(Weights(tensors, layer), x, *states[layer])
            logits = x @ tensors["output_embedding.weight"].T + tensors["output_embedding.bias"]
            loss = loss + torch.nn.functional.cross_entropy(logits, targets) / BPTT
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if update == 1:
            gradients = {name: None if w.grad is None else [w.grad.sum().item(), (w.grad**2).sum().item()]
                         for name, w in sorted(tensors.items())}
            full = {name: tensors[name].grad.tolist() for name in full_ones(tensors)}
        losses.append(loss.item())
        optimizer.step()
    final = [state.flatten().tolist() for layer in states for state in layer]
    case = {"cell": cell, "n_layers": n_layers, "losses": losses, "grads_at_step_1": gradients}
    return {**case, "gradients_at_step_1": full, "final_state": final}


def full_ones(tensors):
    """The weights whose gradients a file has in full: what a gradient reaches last, and of the last layer the first with most inputs."""
    trained = [name for name, w in sorted(tensors.items()) if w.grad is not None]
    last = max(name.split(".")[1] for name in trained if name.startswith("layers."))
    inner = [name for name in trained if name.startswith(f"layers.{last}.") and name.endswith(".weight")]
    return ["input_embedding.weight", max(inner, key=lambda name: tensors[name].shape[1])]


settings = {"state": STATE, "vocab": VOCAB, "batch": BATCH, "steps": STEPS, "lr": LR, "phase": PHASE}
if BPTT > 1:
    settings["bptt"] = BPTT
cases = [run(cell, n_layers) for cell in CELLS if cell not in LEFT_OUT for n_layers in (1, 2)]
print(json.dumps({"settings": settings, "cases": cases}, separators=(",", ":")))
