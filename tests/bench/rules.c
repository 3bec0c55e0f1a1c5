/* The other learning rules as plain loops in C, for one network: sizes known at run time, exponentials in loops of their
   own, and one change of rank k for each row. Arrays are as in loop.c; memory of H, k and so on is the caller's. */

#include <math.h>
#include <string.h>

static void logistic(int n, double *z) {
    for (int i = 0; i < n; i++) z[i] = 1 / (1 + exp(-(z[i] < -500 ? -500 : z[i] > 500 ? 500 : z[i])));
}

/* Reads x and context, and fills in hidden (H) and output (O). */
static void forward(int I, int H, int O, const double *x, const double *context, const double *W_ih, const double *W_hh,
                    const double *b_h, const double *W_ho, const double *b_o, double *hidden, double *output) {
    for (int h = 0; h < H; h++) {
        double z = b_h[h];
        for (int i = 0; i < I; i++) z += W_ih[h * I + i] * x[i];
        for (int c = 0; c < H; c++) z += W_hh[h * H + c] * context[c];
        hidden[h] = z;
    }
    logistic(H, hidden);
    for (int o = 0; o < O; o++) {
        double z = b_o[o];
        for (int h = 0; h < H; h++) z += W_ho[o * H + h] * hidden[h];
        output[o] = z;
    }
    logistic(O, output);
}

/* v = m v + change x, w = w + v. */
static void move(int n, double m, double change, const double *restrict x, double *restrict v, double *restrict w) {
    for (int i = 0; i < n; i++) w[i] += v[i] = m * v[i] + change * x[i];
}

/* work holds 3 H + 2 O numbers, velocity as many as there are weights, all 0. */
void momentum(int T, int I, int H, int O, int epochs, double rate, double m, const double *inputs, const double *targets,
              double *W_ih, double *W_hh, double *b_h, double *W_ho, double *b_o, double *velocity, double *work,
              double *losses) {
    double *context = work, *hidden = context + H, *back = hidden + H, *output = back + H, *delta = output + O;
    double *v_ih = velocity, *v_hh = v_ih + H * I, *v_bh = v_hh + H * H, *v_ho = v_bh + H, *v_bo = v_ho + O * H;
    const double one = 1;
    for (int epoch = 0; epoch < epochs; epoch++) {
        double total = 0;
        memset(context, 0, H * sizeof(double));
        for (int t = 0; t < T; t++) {
            const double *x = inputs + t * I, *target = targets + t * O;
            forward(I, H, O, x, context, W_ih, W_hh, b_h, W_ho, b_o, hidden, output);
            memset(back, 0, H * sizeof(double));
            for (int o = 0; o < O; o++) {
                double error = output[o] - target[o];
                total += error * error;
                delta[o] = error * output[o] * (1 - output[o]);
                for (int h = 0; h < H; h++) back[h] += W_ho[o * H + h] * delta[o];
            }
            for (int o = 0; o < O; o++) {
                move(H, m, -rate * delta[o], hidden, v_ho + o * H, W_ho + o * H);
                move(1, m, -rate * delta[o], &one, v_bo + o, b_o + o);
            }
            for (int h = 0; h < H; h++) {
                double change = -rate * back[h] * hidden[h] * (1 - hidden[h]);
                move(I, m, change, x, v_ih + h * I, W_ih + h * I);
                move(H, m, change, context, v_hh + h * H, W_hh + h * H);
                move(1, m, change, &one, v_bh + h, b_h + h);
            }
            memcpy(context, hidden, H * sizeof(double));
        }
        losses[epoch] = total / (T * O);
    }
}

/* Adds to the errors of the context units what the changes of the hidden units send back. */
static void send_back(int H, const double *restrict W_hh, const double *restrict change, double *restrict error) {
    for (int h = 0; h < H; h++)
        for (int c = 0; c < H; c++) error[c] += W_hh[h * H + c] * change[h];
}

static void add(int n, double p, const double *restrict x, double *restrict w) {
    for (int i = 0; i < n; i++) w[i] += p * x[i];
}

static void add_four(int H, double p, double q, double r, double s, const double *restrict a, double *restrict row) {
    const double *restrict b = a + H, *restrict c = b + H, *restrict d = c + H;
    for (int u = 0; u < H; u++) row[u] += p * a[u] + q * b[u] + r * c[u] + s * d[u];
}

/* The error of each step goes back through k steps at most. work holds (k + 2) H + k H + 2 O numbers: row j of `states`
   is the context of j steps before, and row 0, at the end of a step, its hidden activations. */
void bptt(int T, int I, int H, int O, int epochs, double rate, int k, const double *inputs, const double *targets,
          double *W_ih, double *W_hh, double *b_h, double *W_ho, double *b_o, double *work, double *losses) {
    double *states = work, *changes = states + (k + 2) * H, *output = changes + k * H, *delta = output + O;
    for (int epoch = 0; epoch < epochs; epoch++) {
        double total = 0;
        memset(states, 0, (k + 2) * H * sizeof(double));
        for (int t = 0; t < T; t++) {
            const double *target = targets + t * O;
            int filled = t + 1 < k ? t + 1 : k;
            memmove(states + H, states, (k + 1) * H * sizeof(double));
            forward(I, H, O, inputs + t * I, states + H, W_ih, W_hh, b_h, W_ho, b_o, states, output);
            memset(changes, 0, k * H * sizeof(double));
            for (int o = 0; o < O; o++) {
                double error = output[o] - target[o];
                total += error * error;
                delta[o] = error * output[o] * (1 - output[o]);
                for (int h = 0; h < H; h++) changes[h] += W_ho[o * H + h] * delta[o];
            }
            for (int j = 0; j < filled; j++) {
                const double *hidden = states + j * H;
                double *change = changes + j * H;
                for (int h = 0; h < H; h++) change[h] *= hidden[h] * (1 - hidden[h]);
                if (j + 1 < filled) send_back(H, W_hh, change, change + H);
            }
            for (int o = 0; o < O; o++) {
                add(H, -rate * delta[o], states, W_ho + o * H);
                b_o[o] -= rate * delta[o];
            }
            for (int h = 0; h < H; h++) {
                double *row = W_hh + h * H;
                for (int j = 0; j < filled; j++) b_h[h] -= rate * changes[j * H + h];
                for (int j = 0; j < filled; j++) add(I, -rate * changes[j * H + h], inputs + (t - j) * I, W_ih + h * I);
                int j = 0;
                for (; j + 3 < filled; j += 4) {
                    double p = -rate * changes[j * H + h], q = -rate * changes[(j + 1) * H + h];
                    double r = -rate * changes[(j + 2) * H + h], s = -rate * changes[(j + 3) * H + h];
                    add_four(H, p, q, r, s, states + (j + 1) * H, row);
                }
                for (; j < filled; j++) add(H, -rate * changes[j * H + h], states + (j + 1) * H, row);
            }
        }
        losses[epoch] = total / (T * O);
    }
}
