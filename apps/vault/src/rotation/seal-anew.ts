import type { Transaction } from '../database/database.js';
import { SealBroken } from '#lib/sealing/message';
import type { Sealer } from '../sealing/sealer.js';
import type { KeyRotation, SealingPosition } from './key-rotation.js';
import type { PageRow, SealedColumn } from './postgres-sealed-column.js';
import type { PostgresSealedRows } from './postgres-sealed-rows.js';

/** Few enough that the process answers others meanwhile. */
const batchSize = 200;
const rememberedBroken = 20;

export interface Batch {
  readonly rotation: KeyRotation;
  /** A pass is over that found nothing to seal anew. */
  readonly clean: boolean;
}

/** Seals by the primary key what an older one sealed, one page of one column after the other. */
export class SealAnew {
  constructor(
    private readonly columns: readonly SealedColumn[],
    private readonly rows: PostgresSealedRows,
    private readonly sealer: Sealer,
  ) {}

  /** Rejects with Problem `sealed` while the key of a row cannot be had. */
  async batch(tx: Transaction, rotation: KeyRotation, primary: Buffer): Promise<Batch> {
    const [first] = this.columns;
    const { column: name, after } = rotation.position ?? { column: first?.name ?? '' };
    const index = this.columns.findIndex((candidate) => candidate.name === name);
    const column = this.columns[index];
    // Named by another version of this program: from the beginning.
    if (column === undefined) return { rotation: newPass(rotation, 0), clean: false };
    const page = await this.rows.page(tx, column, { after, primary, limit: batchSize });
    const done = await this.#sealAnew(tx, column, page);
    const last = page.at(-1);
    const next = this.columns[index + 1];
    const broken = [...rotation.broken, ...done.broken].slice(0, rememberedBroken);
    const counted: KeyRotation = {
      ...rotation,
      found: rotation.found + done.found,
      sealed: rotation.sealed + done.sealed,
      broken,
    };
    if (last !== undefined && page.length === batchSize)
      return moved(counted, { column: name, after: last.position });
    if (next !== undefined) return moved(counted, { column: next.name });
    if (counted.found === 0) return { rotation: counted, clean: true };
    return { rotation: newPass(counted, rotation.pass), clean: false };
  }

  async #sealAnew(
    tx: Transaction,
    column: SealedColumn,
    page: readonly PageRow[],
  ): Promise<{ found: number; sealed: number; broken: string[] }> {
    const fresh = [];
    const broken: string[] = [];
    for (const { position, sealed: stale, place } of page) {
      if (stale === null) continue;
      try {
        const value = await this.sealer.open(place, stale);
        fresh.push({ position, stale, fresh: this.sealer.seal(place, value) });
      } catch (error) {
        if (!(error instanceof SealBroken)) throw error;
        broken.push(`${column.name} ${position.join(' ')}`.trim());
      }
    }
    return { found: fresh.length, sealed: await this.rows.replace(tx, column, fresh), broken };
  }
}

function moved(rotation: KeyRotation, position: SealingPosition): Batch {
  return { rotation: { ...rotation, position }, clean: false };
}

function newPass(rotation: KeyRotation, pass: number): KeyRotation {
  return { ...rotation, position: undefined, pass: pass + 1, found: 0, broken: [] };
}
