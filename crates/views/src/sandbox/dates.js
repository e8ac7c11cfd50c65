// Dates as data: no present moment, no time zone. Runs after the prelude, for functions that name Date.
(function () {
  "use strict";
  const { apply, construct, defineProperty } = Reflect;
  const hide = (object, name, value) =>
    defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
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
})();
