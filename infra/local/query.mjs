// Answers a query over the lake that a local run has left, by DuckDB:
//
//   node infra/local/query.mjs "select count(*) from attendees" [folder]
//
// Each stream is a view of the newest version of each record (views.sql in the folder, by default .local).
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

const [sql, folder = '.local'] = process.argv.slice(2)
const views = join(folder, 'views.sql')
if (!sql) fail('there is no query: give SQL="select ...", over the views of ' + views)
if (!existsSync(views)) fail(`${views} is missing: run "make run" first`)

function fail (message) {
  console.error('query: ' + message)
  process.exit(1)
}

const text = value => value === null ? '' : typeof value === 'object' ? value.toString() : String(value)

try {
  const connection = await (await DuckDBInstance.create()).connect()
  await connection.run(readFileSync(views, 'utf8'))
  const reader = await connection.runAndReadAll(sql)
  const rows = [reader.columnNames(), ...reader.getRows().map(row => row.map(text))]
  const widths = rows[0].map((_, i) => Math.max(...rows.map(row => row[i].length)))
  for (const row of rows) console.log(row.map((value, i) => value.padEnd(widths[i])).join('  ').trimEnd())
} catch (error) {
  fail(error.message)
}
