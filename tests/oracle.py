"""Elman's network once more, from the equations alone: a plain loop over scalars, for one network."""

import math


def logistic(z):
    return 1 / (1 + math.exp(-min(max(z, -500), 500)))


def train(weights, context, inputs, targets, *, epochs, rate, reset_to, recurrent, copied_too_early=False):
    """Nested lists in, (weights, context, losses) out. `copied_too_early` makes the mistake found in public code:
    the hidden units are copied into the context before the weights change."""
    W_ih, W_hh, b_h, W_ho, b_o = ([list(row) if isinstance(row, list) else row for row in array] for array in weights)
    H, O, context, losses = range(len(b_h)), range(len(b_o)), list(context), []
    for _ in range(epochs):
        if reset_to is not None:
            context = [reset_to for _ in H]
        loss = 0.0
        for x, target in zip(inputs, targets, strict=True):
            hidden = [
                logistic(
                    sum(W_ih[h][i] * x[i] for i in range(len(x))) + sum(W_hh[h][c] * context[c] for c in H) + b_h[h]
                )
                for h in H
            ]
            output = [logistic(sum(W_ho[o][h] * hidden[h] for h in H) + b_o[o]) for o in O]
            loss += sum((output[o] - target[o]) ** 2 for o in O) / len(O)
            delta_o = [(output[o] - target[o]) * output[o] * (1 - output[o]) for o in O]
            delta_h = [sum(W_ho[o][h] * delta_o[o] for o in O) * hidden[h] * (1 - hidden[h]) for h in H]
            if copied_too_early and recurrent:
                context = list(hidden)
            for o in O:
                for h in H:
                    W_ho[o][h] -= rate * delta_o[o] * hidden[h]
                b_o[o] -= rate * delta_o[o]
            for h in H:
                for i in range(len(x)):
                    W_ih[h][i] -= rate * delta_h[h] * x[i]
                for c in H:
                    W_hh[h][c] -= rate * delta_h[h] * context[c]
                b_h[h] -= rate * delta_h[h]
            if recurrent:
                context = list(hidden)
        losses.append(loss / len(inputs))
    return (W_ih, W_hh, b_h, W_ho, b_o), context, losses
