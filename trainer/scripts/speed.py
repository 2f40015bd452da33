"""The networks of speed.ts in PyTorch, on one thread: speed.py NETWORK MODULUS EMBEDDING HIDDEN HEADS EXAMPLES.

Reads a number of steps a line, makes them, and prints the milliseconds they took, by the clock and of the processor.
"""
import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
kind = sys.argv[1]
modulus, width, hidden, heads, examples = map(int, sys.argv[2:])
pairs = torch.randperm(modulus * modulus)[:examples]
a, b = pairs // modulus, pairs % modulus
target = (a + b) % modulus


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Embedding(modulus, width), nn.Embedding(modulus, width)
        self.hidden, self.output = nn.Linear(width, hidden), nn.Linear(hidden, modulus)

    def forward(self):
        return self.output(torch.relu(self.hidden(self.a(a) + self.b(b))))


class Transformer(nn.Module):
    """One layer without LayerNorm, read at the last of three tokens, whose query alone is computed."""

    def __init__(self):
        super().__init__()
        normal = lambda *shape: nn.Parameter(torch.randn(*shape) / width**0.5)
        self.tokens, self.positions, self.end = nn.Embedding(modulus, width), normal(2, width), normal(1, width)
        self.key, self.query, self.value, self.output = (normal(width, width) for _ in range(4))
        self.rise, self.fall, self.answer = nn.Linear(width, hidden), nn.Linear(hidden, width), normal(width, modulus)

    def forward(self):
        last = self.end.expand(examples, 1, width)
        stream = torch.cat([self.tokens(torch.stack([a, b], 1)) + self.positions, last], 1)
        split = lambda x: x.view(examples, 3, heads, width // heads)
        keys, values = split(stream @ self.key), split(stream @ self.value)
        question = (self.end @ self.query).view(heads, width // heads)
        scores = (keys * question).sum(3) / (width // heads) ** 0.5
        mixed = (scores.softmax(1).unsqueeze(3) * values).sum(1).reshape(examples, width)
        attended = mixed @ self.output + self.end
        return (attended + self.fall(torch.relu(self.rise(attended)))) @ self.answer


network = Mlp() if kind == "mlp" else Transformer()
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=1)
print("ready", flush=True)
for line in sys.stdin:
    start, spent = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(), target).backward()
        optimizer.step()
    print((time.perf_counter() - start) * 1000, (time.process_time() - spent) * 1000, flush=True)
