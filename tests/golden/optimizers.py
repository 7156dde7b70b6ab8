"""Writes optimizers.json: ten updates of three parameters by each optimizer, in float64, by PyTorch.

The gradient is that of f(p) = sum(a * p^2 / 2 + cos(b * p)), written out, so that it changes with the parameters and changes its sign.
SGD and Adam are torch.optim's own. Adam without its second moment is no optimizer of PyTorch: its rule stands here once more, by
itself. Run: python3 tests/golden/optimizers.py > tests/golden/optimizers.json
"""
import json
import torch

torch.set_default_dtype(torch.float64)
UPDATES = 10
SETTINGS = {
    "start": [0.7, -1.3, 2.1],
    "a": [0.5, 2.0, 0.03],
    "b": [3.0, 0.4, 1.7],
}
start, a, b = (torch.tensor(SETTINGS[key]) for key in ("start", "a", "b"))


def gradient(p):
    return a * p - b * torch.sin(b * p)


def updates_of(optimizer, p):
    values = []
    for _ in range(UPDATES):
        p.grad = gradient(p.detach())
        optimizer.step()
        values.append(p.detach().tolist())
    return values


class AdamNoSecondMoment(torch.optim.Optimizer):
    """m = beta1 m + (1 - beta1) g; p = p - lr * m / (1 - beta1^t)."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})
        self.t, self.mean = 0, None

    @torch.no_grad()
    def step(self):
        self.t += 1
        for group in self.param_groups:
            for p in group["params"]:
                old = torch.zeros_like(p) if self.mean is None else self.mean
                self.mean = 0.9 * old + 0.1 * p.grad
                p -= group["lr"] * self.mean / (1 - 0.9**self.t)


MAKE = {
    "adam": lambda p, lr: torch.optim.Adam([p], lr=lr),
    "sgd": lambda p, lr: torch.optim.SGD([p], lr=lr, momentum=0.9),
    "adam_no_second_moment": lambda p, lr: AdamNoSecondMoment([p], lr),
}
cases = []
for name, make in MAKE.items():
    for lr in (0.001, 0.1):
        p = start.clone().requires_grad_(True)
        cases.append({"optimizer": name, "learning_rate": lr, "parameters": updates_of(make(p, lr), p)})
print(json.dumps({"torch": torch.__version__, "settings": SETTINGS, "cases": cases}, indent=1))
