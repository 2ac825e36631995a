/** The demo server's own user table: it knows people by the upstream provider's claim `upn`, and each has a role. */
export interface WarehouseUser {
  readonly account: string;
  readonly role: 'ANALYST' | 'FINANCE';
}

const users: Readonly<Record<string, WarehouseUser>> = {
  'alice@upstream': { account: 'ALICE', role: 'ANALYST' },
  'bob@upstream': { account: 'BOB', role: 'FINANCE' },
};

const warehouses: Readonly<Record<WarehouseUser['role'], readonly string[]>> = {
  ANALYST: ['ANALYTICS_WH', 'SANDBOX_WH'],
  FINANCE: ['FINANCE_WH'],
};

export type Row = Readonly<Record<string, string | number>>;

const orders: readonly Row[] = [
  { region: 'north', orders: 412, revenue: 18_240 },
  { region: 'south', orders: 288, revenue: 12_075 },
  { region: 'west', orders: 131, revenue: 9_310 },
];

export function userOf(upn: string): WarehouseUser | undefined {
  return Object.hasOwn(users, upn) ? users[upn] : undefined;
}

export function warehousesOf(user: WarehouseUser): readonly string[] {
  return warehouses[user.role];
}

/** Revenue is for finance only: the same query shows each role what it may see. */
export function query(user: WarehouseUser): readonly Row[] {
  if (user.role === 'FINANCE') return orders;
  return orders.map(({ region = '', orders: count = 0 }) => ({ region, orders: count }));
}
