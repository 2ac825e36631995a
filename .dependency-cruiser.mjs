// Which file may import which. Each rule: a sentence of ARCHITECTURE.md, why, and what to do instead.
// `test/architecture/<rule>/fixture` breaks each one; architecture.spec.ts proves that it is noticed.

const nestFiles =
  String.raw`\.(module|controller|guard|filter|pipe|interceptor|strategy)(\.spec)?\.tsx?$` +
  String.raw`|(^|/)(main|start-gateway)\.ts$|^libs/nest/`;
const sqlFiles = String.raw`(^|/)postgres-[^/]+\.ts$|\.entity\.ts$|/database/|^migrations/`;
// Fixtures and fakes are the part of specs that several of them share.
const specs = String.raw`\.spec\.tsx?$|-fixture\.tsx?$|(^|/)fake-[^/]+\.tsx?$`;
const npm = (names) => `(^|/)node_modules/(@types/)?(${names})(/|$)`;

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'apps-apart',
      comment:
        'Vault and gateway are deployed, scaled and broken apart; they meet at libs/contract only. Move what both need to libs/.',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'libs-below',
      comment:
        'Everything stands on libs, so libs stand on nothing of ours. Pass in what the lib needs as an argument.',
      from: { path: '^libs/' },
      to: { path: '^(apps|trial|test|bench|migrations)/' },
    },
    {
      name: 'outside-in',
      comment:
        'trial/, test/ and bench/ use the processes as their users do, over HTTP; that is what makes them proofs. Use the public contract, or libs/testing.',
      from: {
        path: '^(trial|test|bench)/',
        // The generator of docs/configuration.md reads the schemas; the template database needs its schema.
        pathNot: '^test/(architecture|docs)/|^test/global-setup\\.ts$',
      },
      to: { path: `^(apps|migrations)/|${npm('pg|typeorm')}` },
    },
    {
      name: 'migrations-for-the-vault',
      comment:
        'The schema belongs to the vault. Run `npm run migrate`, or ask the vault for what the table holds.',
      from: { path: '^(apps|libs)/', pathNot: '^apps/vault/' },
      to: { path: '^migrations/' },
    },
    {
      name: 'domain-pure',
      comment:
        'A decision that touches nothing can be read and tested as a table. Take what it needs as an argument; leave I/O to the use case.',
      from: { path: '^(.+/domain)/', pathNot: specs },
      to: {
        path: '.',
        pathNot: `^$1/|^libs/(problem|contract)/|${npm('zod')}`,
      },
    },
    {
      name: 'nest-at-the-edge',
      comment:
        'Nest wires; it does not decide. @nestjs/* stands in *.{module,controller,guard,filter,pipe,interceptor,strategy}.ts, main.ts, start-gateway.ts and libs/nest. Make a plain class and provide it in the module.',
      from: { pathNot: `${nestFiles}|^(test|trial|bench)/` },
      to: { path: npm('@nestjs') },
    },
    {
      name: 'sql-in-named-files',
      comment:
        'Who reads a postgres-*.ts file reads all the SQL there is. TypeORM and pg stand in postgres-*.ts, *.entity.ts, database/ and migrations/. Put the query into the store and call that.',
      from: { pathNot: `${sqlFiles}|^(test|trial|bench)/` },
      to: { path: npm('pg|typeorm') },
    },
    {
      name: 'no-file-cycles',
      comment:
        'Files that import each other are one file in two pieces, and their order of evaluation is luck. Move the shared part to a third.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'registry-stands-alone',
      comment:
        'registry depends on no feature: declare a port in registry and let the feature implement it.',
      from: { path: '^apps/vault/src/registry/', pathNot: specs },
      to: {
        path: '^apps/vault/src/(grants|connect|interactions|sessions|exchange|providers|web)/',
      },
    },
    {
      name: 'openid-client-for-browser-flows',
      comment:
        'The two OAuth clients of the vault are providers/ (upstream) and sessions/ (corporate login). Ask one of them.',
      from: {
        pathNot: '^apps/vault/src/(providers|sessions)/|^(trial|test|bench)/|^libs/testing/',
      },
      to: { path: npm('openid-client') },
    },
    {
      name: 'jose-in-one-place',
      comment:
        'One careful verifier: everything that checks or signs a JWT is in libs/jwt, libs/sealing, libs/contract or a file named after an assertion or a JWK. Use those.',
      from: {
        pathNot: `^libs/(jwt|sealing|contract|testing)/|(^|/)[^/]*(assertion|jwks?)[^/]*\\.ts$|^(trial|test|bench|docs)/|${specs}`,
      },
      to: { path: npm('jose'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'undici-in-one-place',
      comment:
        'An address that somebody configured is reached through libs/outbound, which refuses special addresses. Only the client of the vault (libs/contract) and the gateway’s hot path (http/, mcp/) call undici themselves, with a dispatcher made for it.',
      from: {
        pathNot: `^libs/(outbound|contract|testing)/|^apps/gateway/src/((http|mcp)/|app\\.module\\.ts$)|^(trial|test|bench)/|${specs}`,
      },
      to: { path: npm('undici'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-test-code-in-production',
      comment:
        'Test doubles and the embedded database never reach a production process. `symbolon drill` is one that stands beside a staging: its doubles are what it is for.',
      from: {
        path: '^(apps|libs|migrations)/',
        pathNot: `${specs}|^libs/(testing|embedded-postgres)/|^apps/cli/src/drill/`,
      },
      to: { path: `^libs/(testing|embedded-postgres)/|${specs}|${npm('vitest')}` },
    },
    {
      name: 'no-development-dependency',
      comment:
        'Images are built without devDependencies: the process would not start. Move the package to dependencies.',
      from: { path: '^(apps|libs|migrations)/', pathNot: `${specs}|^libs/testing/` },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: npm('vitest'),
      },
    },
    {
      name: 'no-unresolvable-import',
      comment: 'The import leads nowhere. Correct the path, or add the package to package.json.',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^test/architecture/[^/]+/fixture/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['symbolon-source', 'import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.mts', '.d.mts', '.mjs', '.js', '.json'],
    },
  },
};
