"use strict";
// What models said of one suite's rows, unpacked (see packing.py). Rows, models and options go by number.
class RowTable {
  static index = null; // which suites and models there are, and how many thumbnails each suite brought
  static #loaded = new Map(); // number of a suite -> promise of its table
  static #pictures = new Map(); // number of a suite -> its thumbnails in base64

  static island(id) { return document.getElementById(id).textContent; }

  static load(suite) {
    if (!RowTable.#loaded.has(suite)) RowTable.#loaded.set(suite, RowTable.#unpack(suite));
    return RowTable.#loaded.get(suite);
  }

  static async #unpack(suite) {
    return new RowTable(suite, await unpacked(`row-data-${suite}`).arrayBuffer());
  }

  constructor(number, buffer) {
    const behind = 4 + new DataView(buffer).getUint32(0, true);
    Object.assign(this, JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, behind - 4))), { number });
    ({ suite: this.suite, name: this.name } = RowTable.index.suites[number]);
    this.column = {};
    for (const [name, [size, start, length]] of Object.entries(this.arrays)) {
      const Column = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[size];
      this.column[name] = new Column(buffer.slice(behind + start, behind + start + size * length));
    }
    this.starts = {};
    for (const name of ["captions", "options", "width"]) {
      let end = 0;
      this.starts[name] = Array.from(this.column[name], (count) => (end += count) - count);
    }
    this.count = this.ids.length;
    this.scores = this.column.low.length / this.models.length; // of one model
    this.raw = this.ids.map((id, row) => this.raw[row] ?? id);
    this.places = new Map(this.raw.map((id, row) => [id, row]).reverse()); // of two of one name, the first
    this.searched = [];
  }

  #several(row, counts, places, words) {
    const start = this.starts[counts][row];
    return Array.from(this.column[places].subarray(start, start + this.column[counts][row]), (place) => words[place]);
  }

  captions(row) { return this.#several(row, "captions", "caption", this.texts); }

  options(row) { return this.#several(row, "options", "option", this.answers); }

  // Each caption is of one option; else there is a text, and options are what may be said of it.
  paired(row) { return this.column.captions[row] === this.column.options[row]; }

  relation(row) { return this.relations[this.column.relation[row]]; }

  gold(row) { return this.answers[this.column.gold[row]]; }

  // The right option's number, -1 where it is none of them.
  goldPlace(row) { return this.column.place[row] ? this.column.place[row] - 1 : this.options(row).indexOf(this.gold(row)); }

  modelName(model) { return RowTable.index.models[this.models[model]].name; }

  // What a model earned; null where it was not asked or its picture could not be had.
  credit(model, row) { return this.credits[this.column.credit[model * this.count + row]]; }

  earned(models, row) { return models.map((model) => this.credit(model, row)).filter((value) => value !== null); }

  // What a model chose; null where it was not asked, gave no answer, or several options had the highest score.
  predicted(model, row) {
    const place = this.column.predicted[model * this.count + row];
    return place ? this.answers[place - 1] : null;
  }

  width(row) { return this.column.width[row]; }

  score(model, row, option) {
    const place = model * this.scores + this.starts.width[row] + option;
    const code = this.column.low[place] | (this.column.high[place] << 8);
    if (code === 0xffff) return "–";
    const [low, step] = this.scales[model];
    const digits = Math.min(Math.max(Math.ceil(-Math.log10(step)), 0), 20); // as many as a step can tell apart
    return (low + code * step).toFixed(digits).replace("-", "−");
  }

  // The picture as an address of its own, null for none.
  thumbnail(row) {
    let place = this.column.picture[row] - 1;
    if (place < 0) return null;
    let block = 0;
    for (; place >= RowTable.index.blocks[block]; block += 1) place -= RowTable.index.blocks[block];
    if (!RowTable.#pictures.has(block)) RowTable.#pictures.set(block, RowTable.island(`row-thumbs-${block}`).split(","));
    return `data:image/webp;base64,${RowTable.#pictures.get(block)[place]}`;
  }

  // All that a search looks at, in lower case.
  words(row) {
    const found = () => [this.ids[row], this.relation(row), this.gold(row), ...this.captions(row)];
    return (this.searched[row] ??= found().join("\n").toLowerCase());
  }

  address(row) {
    const suite = `#rows/${encodeURIComponent(this.suite)}`;
    return row === null ? suite : `${suite}/${encodeURIComponent(this.raw[row])}`;
  }
}
