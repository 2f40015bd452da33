// Blue's three accumulators: only a float64 can be so large or small that its square leaves float64's range.
const BIG = 2 ** 500;
const SMALL = 2 ** -500;
const SCALE = 2 ** 600;

/** Sum of squares in float64, compensated after Neumaier, that neither overflows nor vanishes. */
export class SquareSum {
  middle = 0;
  compensation = 0;
  /** Squares of elements beyond 2^500, divided by 2^1200. */
  big = 0;
  /** Squares of elements below 2^-500, times 2^1200. */
  small = 0;

  /** Adds another sum to this one. */
  add(other: SquareSum): void {
    this.addTerm(other.middle);
    this.addTerm(other.compensation);
    this.big += other.big;
    this.small += other.small;
  }

  /** Adds a number far from the ends of float64, as the squares of all types but float64 are. */
  addTerm(term: number): void {
    const total = this.middle + term;
    this.compensation +=
      Math.abs(this.middle) >= Math.abs(term) ? this.middle - total + term : term - total + this.middle;
    this.middle = total;
  }

  /** Adds the square of a finite number. */
  addSquareOf(x: number): void {
    const magnitude = Math.abs(x);
    if (magnitude > BIG) this.big += (x / SCALE) ** 2;
    else if (magnitude < SMALL) this.small += (x * SCALE) ** 2;
    else {
      const square = x * x;
      const total = this.middle + square;
      this.compensation += this.middle >= square ? this.middle - total + square : square - total + this.middle;
      this.middle = total;
    }
  }

  /** Square root of the sum, at most Number.MAX_VALUE so that it survives JSON. */
  norm(): number {
    const middle = this.middle + this.compensation;
    if (this.big > 0) return Math.min(Math.sqrt(this.big + middle / SCALE / SCALE) * SCALE, Number.MAX_VALUE);
    if (middle > 0) return Math.sqrt(middle + this.small / SCALE / SCALE);
    return Math.sqrt(this.small) / SCALE;
  }
}

/**
 * Running statistics of one tensor. Element by element, in order, so that the result does not depend on how the
 * bytes were cut into chunks; or by how often each value occurs, where there are few values. NaN and infinities are counted and left out of everything else.
 */
export class Statistics {
  count = 0;
  zeros = 0;
  nans = 0;
  infinities = 0;
  negativeInfinities = 0;
  /** Largest magnitude among the finite elements. */
  max = 0;
  readonly squares = new SquareSum();
  #sum = 0;
  #sumCompensation = 0;

  /** Mean of the finite elements, 0 where there are none. */
  mean(): number {
    const finite = this.count - this.nans - this.infinities;
    if (finite === 0) return 0;
    const mean = (this.#sum + this.#sumCompensation) / finite;
    // Sums of huge float64s overflow where their mean does not; the range keeps JSON whole.
    return Number.isNaN(mean) ? 0 : Math.max(-Number.MAX_VALUE, Math.min(mean, Number.MAX_VALUE));
  }

  /** Adds elements whose squares are exact in float64 and far from its ends: all types but float64. */
  addFloat32(values: Float32Array, count: number): void {
    let { zeros, nans, max } = this;
    let { middle, compensation } = this.squares;
    let sum = this.#sum;
    let sumCompensation = this.#sumCompensation;
    for (let i = 0; i < count; i++) {
      const x = values[i] as number;
      const magnitude = Math.abs(x);
      if (magnitude > max) {
        if (magnitude === Infinity) {
          this.#addInfinity(x, 1);
          continue;
        }
        max = magnitude;
      } else if (x === 0) {
        zeros++;
        continue;
      } else if (Number.isNaN(x)) {
        nans++;
        continue;
      }
      const square = x * x;
      const total = middle + square;
      compensation += middle >= square ? middle - total + square : square - total + middle;
      middle = total;
      // Knuth's branchless form: the signs are random, so Neumaier's comparison would be mispredicted half the time.
      const newSum = sum + x;
      const part = newSum - sum;
      sumCompensation += sum - (newSum - part) + (x - part);
      sum = newSum;
    }
    this.count += count;
    this.zeros = zeros;
    this.nans = nans;
    this.max = max;
    this.squares.middle = middle;
    this.squares.compensation = compensation;
    this.#sum = sum;
    this.#sumCompensation = sumCompensation;
  }

  /** Adds one element `times` over, of any type but float64. */
  addRepeated(x: number, times: number): void {
    this.count += times;
    const magnitude = Math.abs(x);
    if (x === 0) this.zeros += times;
    else if (Number.isNaN(x)) this.nans += times;
    else if (magnitude === Infinity) this.#addInfinity(x, times);
    else {
      if (magnitude > this.max) this.max = magnitude;
      this.squares.addTerm(x * x * times);
      this.#addToSum(x * times);
    }
  }

  /** Adds elements of any magnitude. */
  addFloat64(values: Float64Array, count: number): void {
    this.count += count;
    for (let i = 0; i < count; i++) {
      const x = values[i] as number;
      const magnitude = Math.abs(x);
      if (x === 0) this.zeros++;
      else if (Number.isNaN(x)) this.nans++;
      else if (magnitude === Infinity) this.#addInfinity(x, 1);
      else {
        if (magnitude > this.max) this.max = magnitude;
        this.squares.addSquareOf(x);
        this.#addToSum(x);
      }
    }
  }

  #addInfinity(x: number, times: number): void {
    this.infinities += times;
    if (x < 0) this.negativeInfinities += times;
  }

  #addToSum(x: number): void {
    const total = this.#sum + x;
    const part = total - this.#sum;
    this.#sumCompensation += this.#sum - (total - part) + (x - part);
    this.#sum = total;
  }
}
