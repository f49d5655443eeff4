/** Arrows: surfaces and adapters → engine → core (design of the house, CONTRIBUTING.md). */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'core-is-pure',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: ['^src/core/', '^node_modules/(zod|js-yaml|re2js)/', '^(node:)?crypto$'] },
    },
    {
      name: 'engine-knows-core-only',
      severity: 'error',
      from: { path: '^src/engine/' },
      to: { path: '^(src/(adapters|surfaces|platform|[^/]+\\.ts$)|node_modules/(?!zod/))' },
    },
    {
      name: 'adapters-stay-apart',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      to: { path: '^src/(adapters|surfaces|[^/]+\\.ts$)', pathNot: '^src/adapters/$1/' },
    },
    {
      name: 'surfaces-share-the-api-only',
      severity: 'error',
      from: { path: '^src/surfaces/([^/]+)/' },
      to: { path: '^src/(adapters|surfaces|[^/]+\\.ts$)', pathNot: ['^src/surfaces/$1/', '^src/surfaces/api/'] },
    },
    {
      name: 'platform-knows-no-room',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/(adapters|surfaces|[^/]+\\.ts$)' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
