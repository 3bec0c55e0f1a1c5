"""The networks once more, from the equations alone: plain loops over scalars, for one network."""

import math

MISTAKES = {
    "copied too early": {"momentum": 0.0, "context": "hidden"},
    "velocity too late": {"momentum": 0.9},
    "a step too many": {"bptt_steps": 3},
    "a step too few": {"bptt_steps": 3},
    "error crosses a set-back": {"bptt_steps": 3},
    "decay the wrong way round": {"context_decay": 0.3},
    "uncounted steps learned": {},
    "context not set back": {},
}
"""Mistakes that a trainer might make, with the settings in which they show. The first is found in public code: the
hidden units are copied into the context before the weights change."""


def logistic(z):
    return 1 / (1 + math.exp(-min(max(z, -500), 500)))


def outputs_and_loss(loss, z, target):
    """The outputs, the error signals at their net inputs, and the loss that is reported."""
    O = range(len(z))
    if loss == "softmax":
        total = sum(math.exp(v - max(z)) for v in z)
        y = [math.exp(v - max(z)) / total for v in z]
        return y, [y[o] - target[o] for o in O], math.log(total) + max(z) - sum(target[o] * z[o] for o in O)
    y = [logistic(v) for v in z]
    if loss == "squared":
        signal = [(y[o] - target[o]) * y[o] * (1 - y[o]) for o in O]
        return y, signal, sum((y[o] - target[o]) ** 2 for o in O) / len(z)
    wrong = [-z[o] if target[o] else z[o] for o in O]  # -ln(1 / (1 + exp(-v))) is ln(1 + exp(-v))
    return y, [y[o] - target[o] for o in O], sum(max(v, 0) + math.log1p(math.exp(-abs(v))) for v in wrong) / len(z)


def hidden_errors(W_ho, W_hh, signal, steps, slope, mistake):
    """The error at the net input of each hidden unit at each of the last steps, the newest first."""
    H, errors = range(len(W_hh)), []
    for later, step in zip([None, *steps], steps, strict=False):
        if later is None:
            back = [sum(W_ho[o][h] * signal[o] for o in range(len(signal))) for h in H]
        elif later["set back"] and mistake != "error crosses a set-back":
            break
        else:
            back = [sum(W_hh[g][h] * errors[-1][g] for g in H) for h in H]
        errors.append([back[h] * slope(step["hidden"][h]) for h in H])
    return errors


def train(weights, context, inputs, targets, rule, *, epochs, resets, counted, mistake=None):
    """Nested lists in, (weights, context, losses) out; `rule` is a dictionary."""
    W_ih, W_hh, b_h, W_ho, b_o = ([list(row) if isinstance(row, list) else row for row in array] for array in weights)
    rate, m, d, k = (rule[key] for key in ("learning_rate", "momentum", "context_decay", "bptt_steps"))
    k += {"a step too many": 1, "a step too few": -1}.get(mistake, 0)
    d = 1 - d if mistake == "decay the wrong way round" else d
    tanh = rule["activation"] == "tanh"
    activation, slope = (math.tanh, lambda y: 1 - y * y) if tanh else (logistic, lambda y: y * (1 - y))
    H, O, C, context, losses, steps = range(len(b_h)), range(len(b_o)), range(len(context)), list(context), [], []
    velocity = {}

    def change(row, i, gradient, name):
        v = velocity.get((name, i), 0.0)
        velocity[name, i] = m * v - rate * gradient
        row[i] += v if mistake == "velocity too late" else velocity[name, i]

    for _ in range(epochs):
        loss, n = 0.0, 0
        for x, target, reset, learned in zip(inputs, targets, resets, counted, strict=True):
            if reset and mistake != "context not set back":
                context = [rule["initial_context"] for _ in C]
            net = [sum(map(float.__mul__, W_ih[h], x)) + sum(W_hh[h][c] * context[c] for c in C) + b_h[h] for h in H]
            hidden = [activation(z) for z in net]
            z = [sum(W_ho[o][h] * hidden[h] for h in H) + b_o[o] for o in O]
            output, signal, of_step = outputs_and_loss(rule["loss"], z, target)
            steps = [{"x": x, "context": context, "hidden": hidden, "set back": reset}, *steps][:k]
            copied = {"hidden": hidden, "output": output, "none": context}[rule["context"]]
            after = context if rule["context"] == "none" else [d * context[c] + (1 - d) * copied[c] for c in C]
            if mistake == "copied too early":
                steps[0]["context"] = after
            if learned or mistake == "uncounted steps learned":
                loss, n = loss + of_step, n + 1
                errors = hidden_errors(W_ho, W_hh, signal, steps, slope, mistake)
                for o in O:
                    for h in H:
                        change(W_ho[o], h, signal[o] * hidden[h], ("ho", o))
                    change(b_o, o, signal[o], "b_o")
                for h in H:
                    back = [(error[h], step["x"], step["context"]) for error, step in zip(errors, steps, strict=False)]
                    for i in range(len(x)):
                        change(W_ih[h], i, sum(e * read[i] for e, read, _ in back), ("ih", h))
                    for c in C:
                        change(W_hh[h], c, sum(e * before[c] for e, _, before in back), ("hh", h))
                    change(b_h, h, sum(e for e, _, _ in back), "b_h")
            context = after
        losses.append(loss / n)
    return (W_ih, W_hh, b_h, W_ho, b_o), context, losses
