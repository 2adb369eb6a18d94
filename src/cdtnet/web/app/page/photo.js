// A picture on the server: its preview, and tiles of its own pixels where the preview is too coarse.

const TILE = 512; // side, as the server cuts them
const KEPT = 128; // tiles

export class Photo {
  /** What `server` describes as `info`, once its preview is there. */
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

  /** Draw what is visible; `later` is called when more of it has come. */
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
    this.tiles.delete(name); // and back at the end: the first one is the one that was not needed for longest
    if (tile === undefined) {
      tile = null;
      this.#bitmap(name).then(
        (bitmap) => {
          this.tiles.set(name, bitmap);
          later();
        },
        () => this.tiles.delete(name), // drawn coarsely until the next time
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
