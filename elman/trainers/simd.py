"""Vectors of numbers for compiled code: arithmetic that takes 8 or 16 numbers at once, each with the bits it has alone.

A compiler may turn a loop over numbers into vector instructions, or may not; these types say that it must. An array of
numbers becomes an array of vectors with `in_vectors`, and +, -, *, / and the functions below then work on vectors and
numbers alike, lane by lane, in IEEE double precision. Processors that lack the width take a vector in pieces.
"""

import operator
from hashlib import sha256
from pathlib import Path

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable
from numba.np import arrayobj

# numba looks for changes in the file of a compiled function alone, not of what it calls; hence a mark of all files.
_FILES = sorted(Path(__file__).parent.glob("*.py"))
SOURCE = sha256(b"".join(path.read_bytes() for path in _FILES)).hexdigest()

_ELEMENTS = {types.float64: ir.DoubleType(), types.uint8: ir.IntType(8), types.boolean: ir.IntType(1)}


class Lanes(types.Type):
    """The type of a vector of `width` numbers, small numbers or truth values: float64, uint8 or boolean."""

    def __init__(self, width, element):
        self.width, self.element = width, element
        super().__init__(name=f"Lanes({width}, {element})")


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.VectorType(_ELEMENTS[kind.element], kind.width))


def _common(*kinds):
    """The type of a result: a number if all are numbers, else lanes; None if an operation on them makes no sense."""
    lanes = {kind for kind in kinds if isinstance(kind, Lanes)}
    if len(lanes) > 1 or any(kind.element != types.float64 for kind in lanes):
        return None
    if any(kind != types.float64 for kind in kinds if kind not in lanes):
        return None
    return lanes.pop() if lanes else types.float64


def _widened(context, builder, kind, values):
    """Values in LLVM's type for `kind`; where that has lanes, a number is repeated in each."""
    wanted = context.get_value_type(kind)
    if not isinstance(kind, Lanes):
        return values
    first, zeros = ir.Constant(ir.IntType(32), 0), ir.Constant(ir.VectorType(ir.IntType(32), kind.width), None)
    empty = ir.Constant(wanted, ir.Undefined)
    return [
        value
        if value.type == wanted
        else builder.shuffle_vector(builder.insert_element(empty, value, first), empty, zeros)
        for value in values
    ]


def _constant(like, value):
    """A constant of LLVM's type `like`, the same in each lane."""
    return ir.Constant(like, [value] * like.count if isinstance(like, ir.VectorType) else value)


def _ints(kind):
    """LLVM's type for the bits of numbers or lanes."""
    return ir.VectorType(ir.IntType(64), kind.width) if isinstance(kind, Lanes) else ir.IntType(64)


def _define(function, instruction):
    @type_callable(function)
    def _typed(context):
        return lambda a, b: _common(a, b) if isinstance(a, Lanes) or isinstance(b, Lanes) else None

    for kinds in ((Lanes, Lanes), (Lanes, types.Float), (types.Float, Lanes)):

        @lower_builtin(function, *kinds)
        def _lowered(context, builder, signature, values):
            return getattr(builder, instruction)(*_widened(context, builder, signature.return_type, values))


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
_define(operator.truediv, "fdiv")


@intrinsic
def fma(typing, a, b, c):
    """A * b + c, rounded once, on every processor; one without such an instruction takes a few times longer."""
    kind = _common(a, b, c)

    def emit(context, builder, signature, values):
        a, b, c = _widened(context, builder, kind, values)
        name = f"llvm.fma.v{kind.width}f64" if isinstance(kind, Lanes) else "llvm.fma.f64"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(a.type, [a.type] * 3), name)
        return builder.call(function, (a, b, c))

    return kind(a, b, c), emit


@intrinsic
def where(typing, condition, a, b):
    """A in the lanes in which the condition holds, b in the others; one truth value decides for all lanes."""
    kind = _common(a, b)

    def emit(context, builder, signature, values):
        return builder.select(values[0], *_widened(context, builder, kind, values[1:]))

    return kind(condition, a, b), emit


@intrinsic
def larger(typing, a, b):
    """The larger of a and b, lane by lane."""
    kind = _common(a, b)

    def emit(context, builder, signature, values):
        a, b = _widened(context, builder, kind, values)
        return builder.select(builder.fcmp_ordered(">", a, b), a, b)

    return kind(a, b), emit


@intrinsic
def logarithm(typing, x):
    """The natural logarithm of x, lane by lane, by the function that a number alone has."""
    kind = _common(x)

    def emit(context, builder, signature, values):
        number = ir.DoubleType()
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(number, [number]), "llvm.log.f64")
        if not isinstance(kind, Lanes):
            return builder.call(function, values)
        result = ir.Constant(context.get_value_type(kind), ir.Undefined)
        for lane in range(kind.width):
            at = ir.Constant(ir.IntType(32), lane)
            result = builder.insert_element(
                result, builder.call(function, [builder.extract_element(values[0], at)]), at
            )
        return result

    return kind(x), emit


@intrinsic
def lane_sums(typing, a, b, c, d, e, f, g, h):
    """The sums over the lanes of eight vectors of eight, as a vector."""
    kind = _common(a, b, c, d, e, f, g, h)

    def emit(context, builder, signature, values):
        def halves(x, y, first, second):
            """Two vectors become one, whose lanes are sums of two."""
            lanes = [ir.Constant(ir.VectorType(ir.IntType(32), 8), at) for at in (first, second)]
            return builder.fadd(*(builder.shuffle_vector(x, y, at) for at in lanes))

        for first, second in (
            ([0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]),
            ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
            ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]),
        ):
            values = [halves(x, y, first, second) for x, y in zip(values[::2], values[1::2], strict=True)]
        return values[0]

    return kind(a, b, c, d, e, f, g, h), emit


@intrinsic
def held(typing, x, limit):
    """X, held between -limit and limit; NaN stays."""
    kind = _common(x, limit)

    def emit(context, builder, signature, values):
        x, limit = _widened(context, builder, kind, values)
        low = builder.fneg(limit)
        x = builder.select(builder.fcmp_ordered(">", x, limit), limit, x)
        return builder.select(builder.fcmp_ordered("<", x, low), low, x)

    return kind(x, limit), emit


@intrinsic
def scaled(typing, x, power):
    """X * 2**k, where power is 1.5 * 2**52 + k, whose last bits are those of k; the result must be a normal number."""
    kind = _common(x, power)

    def emit(context, builder, signature, values):
        x, power = (builder.bitcast(value, _ints(kind)) for value in values)
        return builder.bitcast(
            builder.add(x, builder.shl(power, _constant(power.type, 52))), context.get_value_type(kind)
        )

    return kind(x, power), emit


@intrinsic
def truth(typing, bits):
    """Whether a number is other than 0, lane by lane."""
    kind = Lanes(bits.width, types.boolean) if isinstance(bits, Lanes) else types.boolean

    def emit(context, builder, signature, values):
        return builder.icmp_unsigned("!=", values[0], _constant(context.get_value_type(bits), 0))

    return kind(bits), emit


@intrinsic
def mask(typing, condition):
    """A number for `masked`: all bits set where the condition holds, none where it does not."""
    kind = Lanes(condition.width, types.float64) if isinstance(condition, Lanes) else types.float64

    def emit(context, builder, signature, values):
        return builder.bitcast(builder.sext(values[0], _ints(kind)), context.get_value_type(kind))

    return kind(condition), emit


@intrinsic
def masked(typing, x, mask):
    """X where the mask is set, and 0 where it is not."""
    kind = _common(x, mask)

    def emit(context, builder, signature, values):
        bits = [builder.bitcast(value, _ints(kind)) for value in _widened(context, builder, kind, values)]
        return builder.bitcast(builder.and_(*bits), context.get_value_type(kind))

    return kind(x, mask), emit


@intrinsic
def any_lane(typing, condition):
    """Whether a condition holds in any lane."""

    def emit(context, builder, signature, values):
        if not isinstance(condition, Lanes):
            return values[0]
        together = ir.IntType(condition.width)
        return builder.icmp_unsigned("!=", builder.bitcast(values[0], together), ir.Constant(together, 0))

    return types.boolean(condition), emit


@intrinsic(prefer_literal=True)
def in_vectors(typing, array, width):
    """The numbers (..., width) of a contiguous array as vectors (...), over its memory, which must outlive them."""
    kind = types.Array(Lanes(width.literal_value, array.dtype), array.ndim - 1, "C", aligned=False)

    def emit(context, builder, signature, values):
        numbers = context.make_array(array)(context, builder, values[0])
        shape, strides = (cgutils.unpack_tuple(builder, axes)[:-1] for axes in (numbers.shape, numbers.strides))
        return _over(context, builder, kind, numbers.data, shape, strides)

    return kind(array, width), emit


@intrinsic
def in_a_row(typing, array):
    """The numbers (..., n, width) of a contiguous array as (..., n * width), over the same memory."""
    kind = types.Array(types.float64, array.ndim - 1, "C")

    def emit(context, builder, signature, values):
        numbers = context.make_array(array)(context, builder, values[0])
        *shape, n, width = cgutils.unpack_tuple(builder, numbers.shape)
        *strides, _, stride = cgutils.unpack_tuple(builder, numbers.strides)
        return _over(context, builder, kind, numbers.data, [*shape, builder.mul(n, width)], [*strides, stride])

    return kind(array), emit


def _over(context, builder, kind, data, shape, strides):
    """An array of some type over memory that it does not own."""
    array, element = context.make_array(kind)(context, builder), context.get_data_type(kind.dtype)
    size = context.get_constant(types.intp, context.get_abi_sizeof(element))
    data = builder.bitcast(data, element.as_pointer())
    arrayobj.populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None, parent=None)
    return array._getvalue()


@numba.njit(error_model="numpy", forceinline=True)
def exponential(x):
    """The exponential of x from -500 to 500, to 4 units in the last place, to 20 to 2: 2**k exp(x - k ln 2)."""
    shifted = fma(x, 1.4426950408889634, 6755399441055744.0)  # 1 / ln 2; adding 1.5 * 2**52 rounds to a whole number
    k = shifted - 6755399441055744.0
    r = fma(k, -0.6931471805599453, x)
    exact = fma(k, -2.3190468138462996e-17, r)  # the rest of ln 2, which q need not wait for
    # exp(r) = 1 + r + r**2 q(r); q interpolates at the ten Chebyshev nodes of -ln 2 / 2 to ln 2 / 2.
    r2 = r * r
    r4 = r2 * r2
    q01 = fma(r, 0.16666666666666669, 0.5000000000000001)
    q23 = fma(r, 0.008333333333330062, 0.04166666666662413)
    q45 = fma(r, 0.00019841269863053618, 0.0013888888917213717)
    q67 = fma(r, 2.7557268459997064e-06, 2.4801521295954376e-05)
    q89 = fma(r, 2.510038549551032e-08, 2.7620088445409746e-07)
    q = fma(fma(r4, q89, fma(r2, q67, q45)), r4, fma(r2, q23, q01))
    return scaled(fma(q, exact * exact, exact + 1.0), shifted)


@numba.njit(error_model="numpy", forceinline=True)
def logistic(z):
    """1 / (1 + exp(-z)), with z held between -500 and 500."""
    return 1.0 / (exponential(held(-1.0 * z, 500.0)) + 1.0)
