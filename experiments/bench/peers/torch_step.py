"""
The best configuration's training step in PyTorch, from weights and text on standard input, in rounds that are asked for.

Input: one line of JSON (sizes, shapes, how to run the step), then for each start its weights as float32 in the order of the
shapes, then the text as bytes, [steps + 1, batch]; it answers with a line of its first losses. Then each line of input is a number
of steps, and its answer the milliseconds of one. A mode that cannot run ends with one line on standard error.
"""

import json
import math
import sys
import time

import torch
from torch import nn

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Layer(nn.Module):
    """Forget gate, state gate, new state, residual."""

    def __init__(self, size):
        super().__init__()
        self.state_nn = nn.Linear(2 * size, size)
        self.state_gate_nn = nn.Linear(3 * size, size)
        self.forget_gate_nn = nn.Linear(3 * size, size)
        self.output_nn = nn.Linear(2 * size, size)

    def forward(self, x, h):
        n = torch.tanh(self.state_nn(torch.cat([x, h], 1)))
        z = torch.sigmoid(self.state_gate_nn(torch.cat([x, h, n], 1)))
        n = z * n + (1 - z) * h
        f = torch.sigmoid(self.forget_gate_nn(torch.cat([x, h, n], 1)))
        n = f * n
        o = self.output_nn(torch.cat([n, x], 1))
        return o * torch.sigmoid(o), n


class Model(nn.Module):
    def __init__(self, n_layers, state_size, vocabulary):
        super().__init__()
        self.input_embedding = nn.Linear(vocabulary, state_size)
        self.layers = nn.ModuleList(Layer(state_size) for _ in range(n_layers))
        self.output_embedding = nn.Linear(state_size, vocabulary)

    def forward(self, one_hot, states):
        x, new_states = self.input_embedding(one_hot), []
        for layer, h in zip(self.layers, states):
            x, n = layer(x, h)
            new_states.append(n.detach())
        return self.output_embedding(x), new_states


class OneRun:
    """One model with PyTorch's own Adam. `update` does one step in place and returns its loss."""

    def __init__(self, task, weights, device):
        self.model = Model(task["n_layers"], task["state_size"], task["vocabulary"]).to(device)
        self.model.load_state_dict(weights[0])
        self.captured = task["graph"]
        # A captured step keeps its count of updates on the GPU; a fused Adam is one kernel.
        options = {"capturable": True, "fused": True} if self.captured else {}
        self.adam = torch.optim.Adam(self.model.parameters(), lr=task["lr"], **options)
        shape = (task["batch"], task["state_size"])
        self.states = [torch.zeros(shape, device=device) for _ in range(task["n_layers"])]
        self.codes = torch.eye(task["vocabulary"], device=device)
        self.forward = torch.compile(self.compute) if task["compile"] else self.compute

    def compute(self, bytes, targets, states):
        logits, states = self.model(self.codes[bytes], states)
        return nn.functional.cross_entropy(logits, targets), states

    def update(self, bytes, targets):
        loss, states = self.forward(bytes, targets, self.states)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.adam.step()
        if self.captured:
            for old, new in zip(self.states, states):
                old.copy_(new)
        else:
            self.states = states
        return loss.detach()

    def carried(self):
        """Everything that an update changes."""
        moments = [value for state in self.adam.state.values() for value in state.values() if torch.is_tensor(value)]
        return [*self.model.parameters(), *moments, *self.states]


class ManyRuns:
    """Runs of one configuration, stacked: vmap over the gradient, then Adam's arithmetic on the stacked weights."""

    def __init__(self, task, weights, device):
        try:
            from torch.func import functional_call, grad, stack_module_state, vmap
        except ImportError:  # before PyTorch 2.0
            from functorch import grad, vmap
            from torch.nn.utils.stateless import functional_call

            def stack_module_state(models):
                names = [name for name, _ in models[0].named_parameters()]
                stacked = {name: torch.stack([dict(m.named_parameters())[name].detach() for m in models]) for name in names}
                return stacked, {}

        models = []
        for run in range(task["runs"]):
            model = Model(task["n_layers"], task["state_size"], task["vocabulary"]).to(device)
            model.load_state_dict(weights[run % len(weights)])
            models.append(model)
        stacked, _ = stack_module_state(models)
        self.weights = {name: value.detach().clone() for name, value in stacked.items()}
        self.m = {name: torch.zeros_like(value) for name, value in self.weights.items()}
        self.v = {name: torch.zeros_like(value) for name, value in self.weights.items()}
        self.count = torch.zeros((), device=device)
        self.rate = task["lr"]
        shape = (task["runs"], task["batch"], task["state_size"])
        self.states = [torch.zeros(shape, device=device) for _ in range(task["n_layers"])]
        self.codes = torch.eye(task["vocabulary"], device=device)
        base = models[0]

        def loss_of(weights, states, one_hot, targets):
            logits, states = functional_call(base, weights, (one_hot, states))
            loss = nn.functional.cross_entropy(logits, targets)
            return loss, (loss, states)

        # All runs read the same bytes. Mapped in here, as the compiler wants to see the transforms; of these it knows
        # `grad`, not `grad_and_value`.
        def gradients(*arguments):
            return vmap(grad(loss_of, has_aux=True), in_dims=(0, 0, None, None))(*arguments)

        self.gradients = gradients
        self.update = torch.compile(self.compute) if task["compile"] else self.compute

    def compute(self, bytes, targets):
        gradients, (losses, states) = self.gradients(self.weights, self.states, self.codes[bytes], targets)
        with torch.no_grad():
            self.count.add_(1)
            # 1 − βᵗ without cancellation.
            step_size = self.rate / -torch.expm1(self.count * math.log(BETA1))
            correction = torch.sqrt(-torch.expm1(self.count * math.log(BETA2)))
            for name, gradient in gradients.items():
                m, v = self.m[name], self.v[name]
                m.mul_(BETA1).add_(gradient, alpha=1 - BETA1)
                v.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
                self.weights[name].sub_(step_size * m / (v.sqrt() / correction + EPSILON))
            for old, new in zip(self.states, states):
                old.copy_(new)
        return losses

    def carried(self):
        return [*self.weights.values(), *self.m.values(), *self.v.values(), self.count, *self.states]


class Steps:
    """The steps of a pass over the text, each launched from Python."""

    def __init__(self, run, text):
        self.run, self.text, self.t = run, text, 0

    def step(self):
        if self.t == len(self.text) - 1:
            self.t = 0
            for state in self.run.states:
                state.zero_()
        loss = self.run.update(self.text[self.t], self.text[self.t + 1])
        self.t += 1
        return loss


class CapturedSteps:
    """The same, the whole step captured once as a CUDA graph and replayed; its position in the text is on the GPU too."""

    def __init__(self, run, text):
        self.run, self.text, self.done = run, text, 0
        self.t = torch.zeros(1, dtype=torch.long, device=text.device)
        # Warm-up, as capture wants it, on a stream of its own. It allocates Adam's moments; then all is set back.
        weights = [value.detach().clone() for value in self.weights()]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.advance()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = self.advance()
        with torch.no_grad():
            for value in run.carried():
                value.zero_()
            for value, initial in zip(self.weights(), weights):
                value.copy_(initial)
        self.t.zero_()

    def weights(self):
        return self.run.weights.values() if isinstance(self.run, ManyRuns) else self.run.model.parameters()

    def advance(self):
        loss = self.run.update(self.text.index_select(0, self.t)[0], self.text.index_select(0, self.t + 1)[0])
        self.t += 1
        return loss

    def step(self):
        if self.done and self.done % (len(self.text) - 1) == 0:
            self.t.zero_()
            for state in self.run.states:
                state.zero_()
        self.graph.replay()
        self.done += 1
        return self.loss


def read_task(stream):
    task = json.loads(stream.readline())

    def tensor(shape):
        count = math.prod(shape)
        return torch.frombuffer(bytearray(stream.read(4 * count)), dtype=torch.float32).reshape(shape)

    weights = [{name: tensor(shape) for name, shape in task["shapes"]} for _ in range(task["starts"])]
    text = torch.frombuffer(bytearray(stream.read(task["text_bytes"])), dtype=torch.uint8).reshape(-1, task["batch"]).long()
    return task, weights, text


def reply(value):
    print("reply: " + json.dumps(value), flush=True)


def first_losses(steps, task):
    losses = [steps.step().reshape(-1).tolist() for _ in range(task["checked"])]
    if not all(math.isfinite(loss) for step in losses for loss in step):
        raise ValueError("a loss is not finite, which JSON cannot say")
    return [list(run) for run in zip(*losses)]


def serve(steps, synchronize, stream):
    for line in stream:
        count = int(line)
        start = time.perf_counter()
        for _ in range(count):
            steps.step()
        synchronize()
        reply({"ms_per_step": 1000 * (time.perf_counter() - start) / count})


def main():
    task, weights, text = read_task(sys.stdin.buffer)
    cuda = torch.cuda.is_available()
    if task["needs_cuda"] and not cuda:
        sys.exit(f"PyTorch {torch.__version__} is here, CUDA is not")
    device = "cuda" if cuda else "cpu"
    # The libraries below PyTorch have the number from the environment. Some builds take fewer.
    torch.set_num_threads(task["threads"])
    torch.set_float32_matmul_precision("high" if task["tf32"] else "highest")
    run = (ManyRuns if task["vmap"] else OneRun)(task, weights, device)
    steps = (CapturedSteps if task["graph"] else Steps)(run, text.to(device))
    where = {"where": torch.cuda.get_device_name()} if cuda else {"where": "cpu", "threads": torch.get_num_threads()}
    reply({"version": torch.__version__, **where, "runs": task["runs"], "losses": first_losses(steps, task)})
    serve(steps, torch.cuda.synchronize if cuda else lambda: None, sys.stdin.buffer)


try:
    main()
except Exception as error:
    # Others' messages have many lines: the first says what happened.
    sys.exit(f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}")
