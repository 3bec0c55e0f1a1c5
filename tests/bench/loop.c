/* The step of Elman's network as a plain loop in C, for one network: what the compiled trainer is measured against. */

#include <math.h>
#include <string.h>

static double logistic(double z) {
    if (z < -500) z = -500;
    if (z > 500) z = 500;
    return 1 / (1 + exp(-z));
}

/* Rows: W_ih (H, I), W_hh (H, H), W_ho (O, H); inputs (T, I); targets (T, O); context, hidden and delta_h hold H, delta_o O. */
void train(int T, int I, int H, int O, int epochs, double rate, const double *inputs, const double *targets, double *W_ih,
           double *W_hh, double *b_h, double *W_ho, double *b_o, double *context, double *hidden, double *delta_h,
           double *delta_o, double *losses) {
    for (int epoch = 0; epoch < epochs; epoch++) {
        double total = 0;
        memset(context, 0, H * sizeof(double));
        for (int t = 0; t < T; t++) {
            const double *x = inputs + t * I, *target = targets + t * O;
            for (int h = 0; h < H; h++) {
                double z = b_h[h];
                for (int i = 0; i < I; i++) z += W_ih[h * I + i] * x[i];
                for (int c = 0; c < H; c++) z += W_hh[h * H + c] * context[c];
                hidden[h] = logistic(z);
            }
            for (int o = 0; o < O; o++) {
                double z = b_o[o];
                for (int h = 0; h < H; h++) z += W_ho[o * H + h] * hidden[h];
                double output = logistic(z), error = output - target[o];
                total += error * error;
                delta_o[o] = error * output * (1 - output);
            }
            for (int h = 0; h < H; h++) {
                double sum = 0;
                for (int o = 0; o < O; o++) sum += W_ho[o * H + h] * delta_o[o];
                delta_h[h] = sum * hidden[h] * (1 - hidden[h]);
            }
            for (int o = 0; o < O; o++) {
                double change = rate * delta_o[o];
                for (int h = 0; h < H; h++) W_ho[o * H + h] -= change * hidden[h];
                b_o[o] -= change;
            }
            for (int h = 0; h < H; h++) {
                double change = rate * delta_h[h];
                for (int i = 0; i < I; i++) W_ih[h * I + i] -= change * x[i];
                for (int c = 0; c < H; c++) W_hh[h * H + c] -= change * context[c];
                b_h[h] -= change;
            }
            memcpy(context, hidden, H * sizeof(double));
        }
        losses[epoch] = total / (T * O);
    }
}
