// Lets Node import dt-sql-parser, which is published for bundlers: its imports leave out ".js" and "/index.js", and its package.json
// does not say that its files are modules.
const ours = url => url.includes('/node_modules/dt-sql-parser/')

export async function resolve (specifier, context, next) {
  const relative = specifier.startsWith('.') && context.parentURL && ours(context.parentURL)
  if (!relative) return next(specifier, context)
  for (const end of ['', '.js', '/index.js']) {
    try {
      return await next(specifier + end, context)
    } catch (error) {
      if (!['ERR_MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT'].includes(error.code)) throw error
    }
  }
  return next(specifier, context)
}

export async function load (url, context, next) {
  return next(url, ours(url) && url.endsWith('.js') ? { ...context, format: 'module' } : context)
}
