"""PyTorch's time for one full SAC update on one thread: the peer of `telos bench learner`.

Twin critics 23-256-256-1, actor 17-256-256-12, batch 256, automatic temperature, targets by moving
average, every optimiser a fused Adam. The two critics are two `nn.Sequential`, which was PyTorch's faster
form where we measured; `--batched` makes them one network of batched products instead. Prints the median in
microseconds as JSON.

    python experiments/peers/torch_sac_update.py --rounds 300
"""

import argparse
import copy
import json
import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

OBSERVATION, ACTION, HIDDEN, BATCH = 17, 6, 256, 256
GAMMA, TAU, LR = 0.99, 0.005, 3e-4
LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0


class BatchedCritics(nn.Module):
    """Two critics as batched matrix products."""

    def __init__(self):
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for inputs, outputs in [(OBSERVATION + ACTION, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1)]:
            bound = inputs**-0.5
            self.weights.append(torch.empty(2, inputs, outputs).uniform_(-bound, bound))
            self.biases.append(torch.empty(2, 1, outputs).uniform_(-bound, bound))

    def forward(self, x):
        x = x.expand(2, *x.shape)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = torch.baddbmm(bias, x, weight)
            if i < 2:
                x = F.relu(x)
        return x.squeeze(-1)


def mlp(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs)
    )


class SeparateCritics(nn.Module):
    """Two critics one after the other."""

    def __init__(self):
        super().__init__()
        self.members = nn.ModuleList([mlp(OBSERVATION + ACTION, 1), mlp(OBSERVATION + ACTION, 1)])

    def forward(self, x):
        return torch.stack([member(x).squeeze(-1) for member in self.members])


def sample(actor, observation):
    mean, log_std = actor(observation).chunk(2, dim=-1)
    log_std = log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
    noise = torch.randn_like(mean)
    u = mean + log_std.exp() * noise
    squash = 2 * (math.log(2.0) - u - F.softplus(-2 * u))
    log_prob = (-0.5 * noise**2 - 0.9189385 - log_std - squash).sum(-1)
    return u.tanh(), log_prob


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--batched", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)

    actor = mlp(OBSERVATION, 2 * ACTION)
    critics = BatchedCritics() if arguments.batched else SeparateCritics()
    targets = copy.deepcopy(critics).requires_grad_(False)
    log_alpha = torch.zeros(1, requires_grad=True)
    adam = lambda parameters: torch.optim.Adam(parameters, lr=LR, fused=True)
    actor_adam, critic_adam, alpha_adam = adam(actor.parameters()), adam(critics.parameters()), adam([log_alpha])
    critic_parameters, target_parameters = list(critics.parameters()), list(targets.parameters())

    observation, next_observation = torch.randn(BATCH, OBSERVATION), torch.randn(BATCH, OBSERVATION)
    action, reward = torch.rand(BATCH, ACTION) * 2 - 1, torch.randn(BATCH)
    alive = (torch.rand(BATCH) > 0.01).float()

    def update():
        alpha = log_alpha.detach().exp()
        with torch.no_grad():
            next_action, next_log_prob = sample(actor, next_observation)
            next_q = targets(torch.cat([next_observation, next_action], -1)).min(0).values
            y = reward + GAMMA * alive * (next_q - alpha * next_log_prob)
        q = critics(torch.cat([observation, action], -1))
        critic_loss = 0.5 * (q - y).square().mean(-1).sum()
        critic_adam.zero_grad()
        critic_loss.backward()
        critic_adam.step()

        new_action, log_prob = sample(actor, observation)
        for parameter in critic_parameters:
            parameter.requires_grad_(False)
        q = critics(torch.cat([observation, new_action], -1)).min(0).values
        actor_loss = (alpha * log_prob - q).mean()
        actor_adam.zero_grad()
        actor_loss.backward()
        actor_adam.step()
        for parameter in critic_parameters:
            parameter.requires_grad_(True)

        alpha_loss = (-log_alpha.exp() * (log_prob.detach().mean() - ACTION)).sum()
        alpha_adam.zero_grad()
        alpha_loss.backward()
        alpha_adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(target_parameters, critic_parameters, TAU)

    for _ in range(30):
        update()
    times = []
    for _ in range(arguments.rounds):
        start = time.perf_counter()
        update()
        times.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "name": "sac_update",
                "critics": "batched" if arguments.batched else "separate",
                "torch": torch.__version__,
                "threads": torch.get_num_threads(),
                "rounds": arguments.rounds,
                "median_us": round(statistics.median(times) * 1e6, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
