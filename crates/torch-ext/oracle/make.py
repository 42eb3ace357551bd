"""Makes `adam.safetensors`: 20 steps of PyTorch's own Adam (single-tensor form), for `tests/adam.rs`.

Run by hand where PyTorch 2.11 is: `python make.py`. Neither the tests nor CI import torch.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

torch.manual_seed(3)
out = {}
cases = {"gan": dict(lr=1e-3, betas=(0.0, 0.99)), "decay": dict(lr=2e-3, betas=(0.9, 0.999), weight_decay=0.01)}
start = {"bias": torch.randn(7), "conv": torch.randn(4, 3, 2, 2)}
gradients = {name: torch.randn(20, *tensor.shape) for name, tensor in start.items()}
for name in start:
    out[f"start/{name}"] = start[name].clone()
    out[f"gradients/{name}"] = gradients[name]
for case, settings in cases.items():
    parameters = {name: tensor.clone().requires_grad_() for name, tensor in start.items()}
    adam = torch.optim.Adam(parameters.values(), eps=1e-8, foreach=False, fused=False, **settings)
    for step in range(20):
        for name, parameter in parameters.items():
            parameter.grad = gradients[name][step].clone()
        adam.step()
    for name, parameter in parameters.items():
        out[f"{case}/{name}"] = parameter.detach().clone()
        out[f"{case}/{name}/first_moment"] = adam.state[parameter]["exp_avg"].clone()
        out[f"{case}/{name}/second_moment"] = adam.state[parameter]["exp_avg_sq"].clone()
path = Path(__file__).parent / "adam.safetensors"
save_file(out, path)
print(len(out), "tensors,", path.stat().st_size, "bytes")
