// Runs before a map function. Everything here is as strict as it can be: what it takes away must not be had again.
(function () {
  "use strict";
  const LENGTH_MAX = 1000000, TOO_LONG = "an array of more than " + LENGTH_MAX + " items";
  const { apply, construct, defineProperty, getOwnPropertyDescriptor, ownKeys } = Reflect, { isArray } = Array;
  const hide = (object, name, value) =>
    defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });

  // Code is what the design document holds, nothing that is made while it runs.
  delete globalThis.eval;
  delete globalThis.Function;
  for (const sample of [function () {}, function* () {}, async function () {}, async function* () {}]) {
    delete Object.getPrototypeOf(sample).constructor;
  }

  // Nothing that differs from call to call, or that computes without asking whether it may go on.
  for (const name of ["BigInt", "WeakSet", "WeakMap", "WeakRef", "FinalizationRegistry", "Atomics", "performance", "Iterator", "navigator"]) {
    delete globalThis[name];
  }
  delete Math.random;
  delete Array.fromAsync;

  // Built-in loops over an array go through all of its length, also where nothing is there, and cannot be ended.
  const check = (items) => {
    if (items === null || typeof items !== "object" || isArray(items)) {
      if (items != null && typeof items === "object" && items.length > LENGTH_MAX) throw new RangeError(TOO_LONG);
      return;
    }
    // A length that is computed could be another one the next time.
    const length = getOwnPropertyDescriptor(items, "length");
    if (length === undefined ? "length" in items : typeof length.value !== "number") throw new TypeError("length must be a number");
    if (length !== undefined && length.value > LENGTH_MAX) throw new RangeError(TOO_LONG);
  };
  const bounded = (native) =>
    function (...args) {
      check(this);
      return apply(native, this, args);
    };
  for (const name of ownKeys(Array.prototype)) {
    const native = Array.prototype[name];
    if (typeof native !== "function" || name === "constructor") continue;
    hide(Array.prototype, name, bounded(native));
  }
  const { concat, map } = Array.prototype;
  hide(Array.prototype, "concat", function (...parts) {
    for (let i = 0; i < parts.length; i++) check(parts[i]);
    return apply(concat, this, parts);
  });
  const flatten = (items, depth, flat) => {
    for (let i = 0; i < items.length; i++) {
      if (depth > 0 && isArray(items[i])) flatten(items[i], depth - 1, flat);
      else if (i in items) flat[flat.length] = items[i];
    }
    return flat;
  };
  hide(Array.prototype, "flat", function (depth = 1) { return flatten(this, +depth, []); });
  hide(Array.prototype, "flatMap", function (...args) { return flatten(apply(map, this, args), 1, []); });
  const iterators = Object.getPrototypeOf(Object.getPrototypeOf([].keys()));
  for (const name of ownKeys(iterators)) {
    if (typeof name === "string") delete iterators[name];
  }
  delete String.raw;
  const { stringify } = JSON;
  hide(JSON, "stringify", function (value, replacer, space) {
    check(replacer);
    return stringify(value, replacer, space);
  });

  // An array may grow behind an iterator, and a built-in loop would follow it: these loops ask whether they may go on.
  const collect = (Native, add) => {
    const Bounded = function (items) {
      if (new.target === undefined) throw new TypeError("constructor requires 'new'");
      const made = construct(Native, [], new.target);
      if (items != null) for (const item of items) add(made, item);
      return made;
    };
    Bounded.prototype = Native.prototype;
    hide(Native.prototype, "constructor", Bounded);
    hide(globalThis, Native.name, Bounded);
  };
  collect(Set, (made, item) => made.add(item));
  collect(Map, (made, item) => made.set(item[0], item[1]));
  hide(Object, "fromEntries", (items) => {
    const made = {};
    for (const item of items) defineProperty(made, item[0], { value: item[1], writable: true, enumerable: true, configurable: true });
    return made;
  });

  // CouchDB's helpers.
  hide(globalThis, "sum", function (values) { let sum = 0; for (const value of values) sum += value; return sum; });
  hide(globalThis, "isArray", isArray);
  hide(globalThis, "toJSON", JSON.stringify);
  hide(globalThis, "log", function () {});
})();
