"""Lyapunov spectra of three trained models in float64, from the full Jacobian of the whole stack and written from the cells' equations.

    /usr/bin/python3 tests/golden/dynamics/spectra.py > tests/golden/dynamics/spectra.json

The models (2 layers of 16, 3,996 steps on the embedded corpus, seed 0) were trained by

    deno task init --dir gold --layers 2 --state-size 16 --seeds 1 --steps 2998 --only use_forget_gate=true,use_state_gate=true,\
use_new_state=true,use_residual=true,use_input_gate=false,use_old_state=false,use_output_gate=false
    deno task init --dir gold --layers 2 --state-size 16 --cells lstm,gru
    deno task train --dir gold --engine onnx

and `text.bin` is the beginning of that corpus' test split. `D_t` is taken by PyTorch's autograd of the step of all layers at once, as one
matrix over all carried numbers; nothing is done layer by layer. Two spectra come of it:

- `spectrum`: `Q` starts as the identity, with the numbers of the top layer first. A layer does not see those above it, so `D_t` is block
  upper triangular then, and so are all `R_t`.
- `from_random`: the numbers in their own order, `Q` random at first: no structure is used at all. It comes near the same numbers with the
  length of the text, and shows how near.

PyTorch 1.13; of Debian 12, `/usr/bin/python3` with the package python3-torch.
"""

import json
import math
import struct
from pathlib import Path

import torch

torch.set_default_dtype(torch.float64)
FOLDER = Path(__file__).parent
SIZE, LAYERS = 16, 2
STREAMS, WARM_UP, TOKENS = 4, 64, 320
sigmoid, tanh = torch.sigmoid, torch.tanh


def read_weights(name):
    """A .safetensors file: the length of a JSON header, the header, the data."""
    raw = (FOLDER / f"{name}.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    header.pop("__metadata__", None)
    weights = {}
    for key, entry in header.items():
        begin, end = entry["data_offsets"]
        weights[key] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).double().reshape(entry["shape"])
    return weights


def linear(weights, name, *inputs):
    return weights[f"{name}.weight"] @ torch.cat(inputs) + weights[f"{name}.bias"]


def gated(w, layer, x, s):
    """Forget gate, state gate, new state, residual."""
    (h,) = s
    at = f"layers.{layer}."
    n = tanh(linear(w, at + "state_nn", x, h))
    inputs = (x, h, n)
    z = sigmoid(linear(w, at + "state_gate_nn", *inputs))
    n = z * n + (1 - z) * h
    # The forget gate reads the state as it is by now.
    f = sigmoid(linear(w, at + "forget_gate_nn", x, h, n))
    n = f * n
    o = linear(w, at + "output_nn", n, x)
    return o * sigmoid(o), (n,)


def lstm(w, layer, x, s):
    h, c = s
    at = f"layers.{layer}."
    i = sigmoid(linear(w, at + "input_gate_nn", x, h))
    f = sigmoid(linear(w, at + "forget_gate_nn", x, h))
    g = tanh(linear(w, at + "state_nn", x, h))
    o = sigmoid(linear(w, at + "output_gate_nn", x, h))
    c = f * c + i * g
    h = o * tanh(c)
    return h, (h, c)


def gru(w, layer, x, s):
    (h,) = s
    at = f"layers.{layer}."
    r = sigmoid(linear(w, at + "reset_gate_nn", x, h))
    z = sigmoid(linear(w, at + "update_gate_nn", x, h))
    n = tanh(linear(w, at + "state_nn", x, r * h))
    h = (1 - z) * n + z * h
    return h, (h,)


CELLS = {"gated": (gated, 1), "lstm": (lstm, 2), "gru": (gru, 1)}


def step_of(cell, states, weights, byte):
    """All carried numbers, the first layer's first, to those after the byte."""

    def step(s):
        parts = s.reshape(LAYERS, states, SIZE)
        x = weights["input_embedding.weight"][:, byte] + weights["input_embedding.bias"]
        after = []
        for layer in range(LAYERS):
            x, new = cell(weights, layer, x, tuple(parts[layer]))
            after.extend(new)
        return torch.cat(after)

    return step


def decompose(product):
    """QR with a positive diagonal."""
    q, r = torch.linalg.qr(product)
    signs = torch.sign(torch.diagonal(r))
    return q * signs, torch.abs(torch.diagonal(r))


def spectra(name, text):
    cell, states = CELLS[name]
    weights = read_weights(name)
    numbers = LAYERS * states * SIZE
    # The top layer first, for the start that keeps to the structure.
    order = torch.arange(numbers).reshape(LAYERS, -1).flip(0).reshape(-1)
    length = (len(text) - 1) // STREAMS
    ordered, random = [], []
    for stream in range(STREAMS):
        s = torch.zeros(numbers)
        torch.manual_seed(stream)
        q, p = torch.eye(numbers), torch.linalg.qr(torch.randn(numbers, numbers))[0]
        sums, others = torch.zeros(numbers), torch.zeros(numbers)
        for t in range(WARM_UP + TOKENS):
            step = step_of(cell, states, weights, text[stream * length + t])
            jacobian = torch.autograd.functional.jacobian(step, s, vectorize=True)
            s = step(s)
            q, diagonal = decompose(jacobian[order][:, order] @ q)
            p, other = decompose(jacobian @ p)
            if t >= WARM_UP:
                sums += torch.log(diagonal)
                others += torch.log(other)
        ordered.append(sums / TOKENS)
        random.append(others / TOKENS)
    mean, spread = torch.stack(ordered).mean(0), torch.stack(ordered).std(0) / math.sqrt(STREAMS)
    ranks = torch.argsort(mean, descending=True)
    return {
        "spectrum": mean[ranks].tolist(),
        "standard_errors": spread[ranks].tolist(),
        "from_random": torch.sort(torch.stack(random).mean(0), descending=True).values.tolist(),
    }


text = (FOLDER / "text.bin").read_bytes()
cases = {name: spectra(name, text) for name in CELLS}
settings = {"streams": STREAMS, "warm_up": WARM_UP, "tokens": TOKENS, "n_layers": LAYERS, "state_size": SIZE}
print(json.dumps({"settings": settings, "cases": cases}, indent=1))
