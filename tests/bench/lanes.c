/* Networks side by side in C, L of them in the innermost axis, for the compiler to vectorise: the yardstick for many. */

#include <math.h>
#include <string.h>

#ifndef L
#define L 16
#endif

typedef double lanes[L];

static void logistic(lanes z) {
    for (int l = 0; l < L; l++) {
        double x = z[l] < -500 ? -500 : z[l] > 500 ? 500 : z[l];
        z[l] = 1 / (1 + exp(-x));
    }
}

/* W_ih (I, H), W_hh (H, H), W_ho (O, H), b_h (H), b_o (O), inputs (T, I), targets (T, O), losses (epochs), each with L
   networks in a last axis. */
void train(int T, int I, int H, int O, int epochs, double rate, const double *restrict inputs, const double *restrict targets,
           lanes *restrict W_ih, lanes *restrict W_hh, lanes *restrict b_h, lanes *restrict W_ho, lanes *restrict b_o,
           lanes *restrict context, lanes *restrict hidden, lanes *restrict delta_h, lanes *restrict losses) {
    for (int epoch = 0; epoch < epochs; epoch++) {
        lanes total = {0};
        memset(context, 0, H * sizeof(lanes));
        for (int t = 0; t < T; t++) {
            const double *x = inputs + (long)t * I * L, *target = targets + (long)t * O * L;
            for (int h = 0; h < H; h++) {
                lanes z;
                for (int l = 0; l < L; l++) z[l] = b_h[h][l];
                for (int i = 0; i < I; i++)
                    for (int l = 0; l < L; l++) z[l] += W_ih[i * H + h][l] * x[i * L + l];
                for (int c = 0; c < H; c++)
                    for (int l = 0; l < L; l++) z[l] += W_hh[c * H + h][l] * context[c][l];
                logistic(z);
                memcpy(hidden[h], z, sizeof(lanes));
            }
            memset(delta_h, 0, H * sizeof(lanes));
            for (int o = 0; o < O; o++) {
                lanes z, change;
                for (int l = 0; l < L; l++) z[l] = b_o[o][l];
                for (int h = 0; h < H; h++)
                    for (int l = 0; l < L; l++) z[l] += W_ho[o * H + h][l] * hidden[h][l];
                logistic(z);
                for (int l = 0; l < L; l++) {
                    double error = z[l] - target[o * L + l];
                    total[l] += error * error;
                    change[l] = error * z[l] * (1 - z[l]);
                }
                for (int h = 0; h < H; h++)
                    for (int l = 0; l < L; l++) {
                        delta_h[h][l] += W_ho[o * H + h][l] * change[l];
                        W_ho[o * H + h][l] -= rate * change[l] * hidden[h][l];
                    }
                for (int l = 0; l < L; l++) b_o[o][l] -= rate * change[l];
            }
            for (int h = 0; h < H; h++) {
                lanes change;
                for (int l = 0; l < L; l++) change[l] = rate * delta_h[h][l] * hidden[h][l] * (1 - hidden[h][l]);
                for (int l = 0; l < L; l++) b_h[h][l] -= change[l];
                for (int i = 0; i < I; i++)
                    for (int l = 0; l < L; l++) W_ih[i * H + h][l] -= change[l] * x[i * L + l];
                for (int c = 0; c < H; c++)
                    for (int l = 0; l < L; l++) W_hh[c * H + h][l] -= change[l] * context[c][l];
            }
            memcpy(context, hidden, H * sizeof(lanes));
        }
        for (int l = 0; l < L; l++) losses[epoch][l] = total[l] / (T * O);
    }
}
