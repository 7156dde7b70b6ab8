"""The best configuration's training step in eager PyTorch, as the original study wrote it; prints milliseconds per step as JSON."""

import json
import statistics
import time

import torch
from torch import nn

BATCH, STATE, VOCABULARY, LAYERS = 256, 256, 256, 2


class Layer(nn.Module):
    """Forget gate, state gate, new state, residual."""

    def __init__(self):
        super().__init__()
        self.state_nn = nn.Linear(2 * STATE, STATE)
        self.state_gate_nn = nn.Linear(3 * STATE, STATE)
        self.forget_gate_nn = nn.Linear(3 * STATE, STATE)
        self.output_nn = nn.Linear(2 * STATE, STATE)

    def forward(self, x, h):
        n = torch.tanh(self.state_nn(torch.cat([x, h], 1)))
        z = torch.sigmoid(self.state_gate_nn(torch.cat([x, h, n], 1)))
        n = z * n + (1 - z) * h
        f = torch.sigmoid(self.forget_gate_nn(torch.cat([x, h, n], 1)))
        n = f * n
        o = self.output_nn(torch.cat([n, x], 1))
        return o * torch.sigmoid(o), n


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_embedding = nn.Linear(VOCABULARY, STATE)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.output_embedding = nn.Linear(STATE, VOCABULARY)

    def forward(self, one_hot, states):
        x, new_states = self.input_embedding(one_hot), []
        for layer, h in zip(self.layers, states):
            x, n = layer(x, h)
            new_states.append(n.detach())
        return self.output_embedding(x), new_states


def main():
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Model().to(device)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    codes = torch.eye(VOCABULARY, device=device)
    text = torch.randint(0, VOCABULARY, (BATCH, 201), device=device)
    states = [torch.zeros(BATCH, STATE, device=device) for _ in range(LAYERS)]

    times = []
    for t in range(100):
        start = time.perf_counter()
        logits, states = model(codes[text[:, t]], states)
        loss = nn.functional.cross_entropy(logits, text[:, t + 1])
        adam.zero_grad()
        loss.backward()
        adam.step()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - start))
    what = f"PyTorch {torch.__version__} eager on {device}, {torch.get_num_threads()} threads"
    print(json.dumps({"what": what, "ms_per_step": statistics.median(times[20:])}))


main()
