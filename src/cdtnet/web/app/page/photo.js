// A picture on the server: its preview, and tiles at full resolution where the preview is too coarse.

const TILE = 512; // side of the server's tiles
const KEPT = 128; // number of cached tiles

export class Photo {
  /** Load the picture that `server` describes as `info`, with its preview. */
  static async load(server, info) {
    const photo = new Photo(server, info);
    photo.preview = await photo.#bitmap("preview");
    return photo;
  }

  constructor(server, info) {
    Object.assign(this, info);
    this.server = server;
    this.tiles = new Map();
  }

  /** Draw the visible part; `later` is called when more of it is loaded. */
  draw(context, view, later, visible = view.visible()) {
    context.imageSmoothingEnabled = view.scale < 2;
    context.drawImage(this.preview, 0, 0, this.width, this.height);
    if (view.scale <= this.preview.width / this.width) return;
    for (let row = Math.floor(visible.top / TILE); row * TILE < visible.bottom; row++) {
      for (let column = Math.floor(visible.left / TILE); column * TILE < visible.right; column++) {
        const tile = this.#tile(column, row, later);
        if (tile) context.drawImage(tile, column * TILE, row * TILE);
      }
    }
  }

  #tile(column, row, later) {
    const name = `tiles/${column}/${row}`;
    let tile = this.tiles.get(name);
    this.tiles.delete(name); // and insert it at the end: the first one is the least recently used
    if (tile === undefined) {
      tile = null;
      this.#bitmap(name).then(
        (bitmap) => {
          this.tiles.set(name, bitmap);
          later();
        },
        () => this.tiles.delete(name), // drawn coarsely until the next attempt
      );
    }
    this.tiles.set(name, tile);
    if (this.tiles.size > KEPT) this.tiles.delete(this.tiles.keys().next().value);
    return tile;
  }

  async #bitmap(what) {
    const response = await this.server.request("GET", `photos/${this.id}/${what}`);
    return createImageBitmap(await response.blob());
  }
}
