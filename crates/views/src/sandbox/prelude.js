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
  for (const name of ["BigInt", "WeakRef", "FinalizationRegistry", "Atomics", "performance", "Iterator", "navigator"]) {
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

  // An array may grow behind an iterator: what goes on without end is ended by what it collects, unless that is one thing over and over.
  for (const name of ["Set", "WeakSet", "WeakMap"]) {
    const Native = globalThis[name];
    if (!Native) continue;
    const Bounded = function (items) {
      if (new.target === undefined) throw new TypeError("constructor requires 'new'");
      const made = construct(Native, [], new.target);
      if (items != null) for (const item of items) name === "WeakMap" ? made.set(item[0], item[1]) : made.add(item);
      return made;
    };
    Bounded.prototype = Native.prototype;
    hide(Native.prototype, "constructor", Bounded);
    hide(globalThis, name, Bounded);
  }
  const NativeMap = globalThis.Map;
  const BoundedMap = function (items) {
    if (new.target === undefined) throw new TypeError("constructor requires 'new'");
    const made = construct(NativeMap, [], new.target);
    if (items != null) for (const item of items) made.set(item[0], item[1]);
    return made;
  };
  BoundedMap.prototype = NativeMap.prototype;
  hide(NativeMap.prototype, "constructor", BoundedMap);
  hide(globalThis, "Map", BoundedMap);
  hide(Object, "fromEntries", function (items) {
    const made = {};
    for (const item of items) defineProperty(made, item[0], { value: item[1], writable: true, enumerable: true, configurable: true });
    return made;
  });

  // Dates as data: no present moment, no time zone.
  const NativeDate = Date, dates = Date.prototype, utc = Date.UTC, parseNative = Date.parse;
  const local = {};
  for (const part of ["FullYear", "Month", "Date", "Hours", "Minutes", "Seconds", "Milliseconds"]) local[part] = dates["get" + part];
  const zoned = /(?:Z|GMT|UTC?|[ECMP][SD]T|[+-]\d\d:?\d\d)\s*(?:\(.*\))?\s*$/i, dateOnly = /^\s*[+-]?\d{4,6}(?:-\d\d(?:-\d\d)?)?\s*$/;
  const parse = (text) => {
    text = String(text);
    const time = parseNative(text);
    if (time !== time || zoned.test(text) || dateOnly.test(text)) return time;
    // It was read in the machine's time zone: its parts there are what the text says.
    const read = new NativeDate(time), part = (name) => apply(local[name], read, []);
    const year = part("FullYear");
    const made = new NativeDate(utc(2000, part("Month"), part("Date"), part("Hours"), part("Minutes"), part("Seconds"), part("Milliseconds")));
    made.setUTCFullYear(year, part("Month"), part("Date"));
    return made.getTime();
  };
  const BoundedDate = function (...args) {
    if (new.target === undefined || args.length === 0) throw new TypeError("a map function has no clock: give Date an argument");
    const only = args[0] instanceof NativeDate ? args[0].getTime() : args[0];
    const time = args.length > 1 ? utc(...args) : typeof only === "string" ? parse(only) : only;
    return construct(NativeDate, [time], new.target);
  };
  BoundedDate.prototype = dates;
  hide(dates, "constructor", BoundedDate);
  hide(BoundedDate, "UTC", utc);
  hide(BoundedDate, "parse", parse);
  hide(globalThis, "Date", BoundedDate);
  for (const name of Object.getOwnPropertyNames(dates)) {
    if (/^[gs]etUTC/.test(name)) hide(dates, name.replace("UTC", ""), dates[name]);
  }
  hide(dates, "getTimezoneOffset", function () { return 0; });
  hide(dates, "getYear", function () { return this.getUTCFullYear() - 1900; });
  hide(dates, "setYear", function (year) { return this.setUTCFullYear(year >= 0 && year <= 99 ? 1900 + +year : year); });
  const iso = dates.toISOString, full = dates.toUTCString;
  hide(dates, "toString", full);
  hide(dates, "toLocaleString", full);
  for (const name of ["toDateString", "toLocaleDateString"]) hide(dates, name, function () { return apply(iso, this, []).slice(0, -14); });
  for (const name of ["toTimeString", "toLocaleTimeString"]) hide(dates, name, function () { return apply(iso, this, []).slice(-13); });

  // CouchDB's helpers.
  hide(globalThis, "sum", function (values) { let sum = 0; for (const value of values) sum += value; return sum; });
  hide(globalThis, "isArray", isArray);
  hide(globalThis, "toJSON", JSON.stringify);
  hide(globalThis, "log", function () {});
})();
