"""PyTorch's time for one update of IQL, TD3+BC and CQL on one thread: the peer of `telos bench learner`.

Written the way CORL writes them (one `nn.Sequential` per network, losses in plain PyTorch, every optimiser a
fused Adam), with 17 observations, 6 actions, batch 256 and the default settings of telos: two hidden layers
of 256, three in the critics of CQL, 10 sampled actions of each of three kinds. Prints medians in
microseconds as JSON lines.

    python experiments/peers/torch_offline_updates.py --rounds 300
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


def mlp(inputs, outputs, layers=2, squash=False):
    parts, width = [], inputs
    for _ in range(layers):
        parts += [nn.Linear(width, HIDDEN), nn.ReLU()]
        width = HIDDEN
    parts.append(nn.Linear(width, outputs))
    return nn.Sequential(*parts, nn.Tanh()) if squash else nn.Sequential(*parts)


class Twins(nn.Module):
    """Two critics of (s, a)."""

    def __init__(self, layers=2):
        super().__init__()
        self.q1, self.q2 = mlp(OBSERVATION + ACTION, 1, layers), mlp(OBSERVATION + ACTION, 1, layers)

    def forward(self, observation, action):
        x = torch.cat([observation, action], -1)
        return self.q1(x).squeeze(-1), self.q2(x).squeeze(-1)


def adam(*modules, lr=LR):
    return torch.optim.Adam([p for module in modules for p in module.parameters()], lr=lr, fused=True)


def descend(optimizer, loss):
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def move(target, online):
    with torch.no_grad():
        torch._foreach_lerp_(list(target.parameters()), list(online.parameters()), TAU)


def frozen(module):
    return copy.deepcopy(module).requires_grad_(False)


class Data:
    def __init__(self):
        self.s, self.s2 = torch.randn(BATCH, OBSERVATION), torch.randn(BATCH, OBSERVATION)
        self.a, self.r = torch.rand(BATCH, ACTION) * 2 - 1, torch.randn(BATCH)
        self.alive = (torch.rand(BATCH) > 0.01).float()


def iql(d, expectile=0.7, beta=3.0):
    actor, log_std = mlp(OBSERVATION, ACTION, squash=True), nn.Parameter(torch.zeros(ACTION))
    critics, value = Twins(), mlp(OBSERVATION, 1)
    targets = frozen(critics)
    actor_adam = torch.optim.Adam([*actor.parameters(), log_std], lr=LR, fused=True)
    critic_adam, value_adam = adam(critics), adam(value)

    def update():
        with torch.no_grad():
            next_value = value(d.s2).squeeze(-1)
            target_q = torch.min(*targets(d.s, d.a))
        v = value(d.s).squeeze(-1)
        advantage = target_q - v
        descend(value_adam, (torch.abs(expectile - (advantage < 0).float()) * advantage**2).mean())
        y = d.r + GAMMA * d.alive * next_value
        q1, q2 = critics(d.s, d.a)
        descend(critic_adam, F.mse_loss(q1, y) + F.mse_loss(q2, y))
        move(targets, critics)
        weight = torch.exp(beta * advantage.detach()).clamp(max=100.0)
        std = torch.exp(log_std.clamp(-20.0, 2.0))
        log_prob = torch.distributions.Normal(actor(d.s), std, validate_args=False).log_prob(d.a).sum(-1)
        descend(actor_adam, -(weight * log_prob).mean())

    return update


def td3_bc(d, alpha=2.5):
    actor, critics = mlp(OBSERVATION, ACTION, squash=True), Twins()
    target_actor, targets = frozen(actor), frozen(critics)
    actor_adam, critic_adam = adam(actor), adam(critics)
    count = 0

    def update():
        nonlocal count
        count += 1
        with torch.no_grad():
            noise = (torch.randn_like(d.a) * 0.2).clamp(-0.5, 0.5)
            next_action = (target_actor(d.s2) + noise).clamp(-1.0, 1.0)
            y = d.r + GAMMA * d.alive * torch.min(*targets(d.s2, next_action))
        q1, q2 = critics(d.s, d.a)
        descend(critic_adam, F.mse_loss(q1, y) + F.mse_loss(q2, y))
        if count % 2 == 0:
            pi = actor(d.s)
            q = critics.q1(torch.cat([d.s, pi], -1))
            descend(actor_adam, -alpha / q.abs().mean().detach() * q.mean() + F.mse_loss(pi, d.a))
            move(targets, critics)
            move(target_actor, actor)

    return update


def cql(d, samples=10, alpha=5.0):
    actor, critics = mlp(OBSERVATION, 2 * ACTION), Twins(layers=3)
    targets = frozen(critics)
    log_temperature = nn.Parameter(torch.zeros(1))
    actor_adam, critic_adam = adam(actor, lr=1e-4), adam(critics)
    temperature_adam = torch.optim.Adam([log_temperature], lr=1e-4, fused=True)

    def sample(observation, n=None):
        mean, log_std = actor(observation).chunk(2, dim=-1)
        log_std = log_std.clamp(-20.0, 2.0)
        if n is not None:
            mean, log_std = (x.unsqueeze(1).expand(-1, n, -1) for x in (mean, log_std))
        noise = torch.randn_like(mean)
        u = mean + log_std.exp() * noise
        squash = 2 * (math.log(2.0) - u - F.softplus(-2 * u))
        return u.tanh(), (-0.5 * noise**2 - 0.9189385 - log_std - squash).sum(-1)

    def many(actions):
        observation = d.s.unsqueeze(1).expand(-1, samples, -1).reshape(-1, OBSERVATION)
        q1, q2 = critics(observation, actions.reshape(-1, ACTION))
        return q1.view(BATCH, samples), q2.view(BATCH, samples)

    def update():
        temperature = log_temperature.exp().detach()
        action, log_prob = sample(d.s)
        q = torch.min(*critics(d.s, action))
        descend(actor_adam, (temperature * log_prob - q).mean())
        descend(temperature_adam, -(log_temperature.exp() * (log_prob.detach() - ACTION)).mean())

        with torch.no_grad():
            y = d.r + GAMMA * d.alive * torch.min(*targets(d.s2, sample(d.s2)[0]))
            here, here_log_prob = sample(d.s, samples)
            there, there_log_prob = sample(d.s2, samples)
        uniform = torch.rand(BATCH, samples, ACTION) * 2 - 1
        q_data, q_uniform, q_here, q_there = critics(d.s, d.a), many(uniform), many(here), many(there)
        loss = 0.0
        for i in range(2):
            stacked = torch.cat(
                [
                    q_uniform[i] - ACTION * math.log(0.5),
                    q_there[i] - there_log_prob,
                    q_here[i] - here_log_prob,
                ],
                dim=1,
            )
            loss = loss + F.mse_loss(q_data[i], y) + alpha * (torch.logsumexp(stacked, 1) - q_data[i]).mean()
        descend(critic_adam, loss)
        move(targets, critics)

    return update


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = Data()
    for make in (iql, td3_bc, cql):
        update = make(data)
        for _ in range(30):
            update()
        times = []
        # Pairs, since TD3 moves its actor in every other update only.
        for _ in range(arguments.rounds // 2):
            start = time.perf_counter()
            update()
            update()
            times.append((time.perf_counter() - start) / 2)
        print(
            json.dumps(
                {
                    "name": f"{make.__name__}_update",
                    "torch": torch.__version__,
                    "threads": torch.get_num_threads(),
                    "rounds": arguments.rounds,
                    "median_us": round(statistics.median(times) * 1e6, 1),
                }
            )
        )


if __name__ == "__main__":
    main()
