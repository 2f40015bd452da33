"""Push a PyTorch model's checkpoints to Curie Point. Needs torch and requests; nothing of Curie Point's.

    CURIE_POINT_URL=http://127.0.0.1:8787 CURIE_POINT_KEY=cp_... python push.py

Writes a small suite, makes a model, trains a little, and pushes as it goes. The five lines that matter are `push`.
"""
import inspect
import io
import json
import os
import struct

import requests
import torch

URL = os.environ["CURIE_POINT_URL"]
AUTH = {"Authorization": f"Bearer {os.environ['CURIE_POINT_KEY']}"}
P = 23
# Newer exporters may put weights into a second file; the older one, which they keep, never does.
ONE_FILE = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Embedding(P, 32), torch.nn.Embedding(P, 32)
        self.head = torch.nn.Sequential(torch.nn.Linear(32, 128), torch.nn.ReLU(), torch.nn.Linear(128, P))

    def forward(self, a, b):
        return self.head(self.a(a) + self.b(b))


def push(model_name, step, net):
    buffer = io.BytesIO()
    one = torch.zeros(2, dtype=torch.int64)
    torch.onnx.export(net, (one, one), buffer, input_names=["a", "b"], output_names=["logits"],
                      dynamic_axes={"a": {0: "n"}, "b": {0: "n"}}, **ONE_FILE)
    answer = requests.put(f"{URL}/models/{model_name}/checkpoints/{step}", data=buffer.getvalue(), headers=AUTH)
    if not answer.ok:
        raise SystemExit(answer.json()["detail"])


def safetensors(tensors, metadata):
    """A minimal writer, so that the example needs no package; `safetensors.torch.save` does the same."""
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.to(torch.int64).contiguous().numpy().tobytes()
        header[name] = {"dtype": "I64", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + b"".join(blobs)


def main():
    torch.manual_seed(0)
    pairs = torch.cartesian_prod(torch.arange(P), torch.arange(P))
    corner = (pairs < 5).all(dim=1)
    rest = pairs[~corner][torch.randperm(int((~corner).sum()))]
    splits = {"train": rest[:250], "validation": rest[250:], "ood:corner": pairs[corner]}
    tensors = {}
    for split, rows in splits.items():
        tensors |= {f"{split}/a": rows[:, 0], f"{split}/b": rows[:, 1], f"{split}/target": rows.sum(1) % P}
    suite = safetensors(tensors, {"task": "classification", "output": "logits"})
    requests.put(f"{URL}/suites/add23", data=suite, headers=AUTH).raise_for_status()
    requests.post(f"{URL}/models", json={"name": "torch-add23", "suite": "add23"}, headers=AUTH).raise_for_status()

    net = Net()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, betas=(0.9, 0.98), weight_decay=1.0)
    a, b, target = (tensors[f"train/{name}"] for name in ("a", "b", "target"))
    for step in range(0, 401):
        if step % 25 == 0:
            push("torch-add23", step, net)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(a, b), target).backward()
        optimizer.step()
    print(requests.get(f"{URL}/models/torch-add23/verdict", headers=AUTH).json()["summary"])


if __name__ == "__main__":
    main()
