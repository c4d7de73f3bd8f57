// Answers queries over the lake that a local run has left, by DuckDB:
//
//   node infra/local/query.mjs "select count(*) from attendees" [folder]
//   node infra/local/query.mjs --json "select count(*) from attendees" [folder]
//   node infra/local/query.mjs --json - [folder] < queries.json
//
// What there is to query is told by views.sql in the folder, by default .local. With --json the rows are printed as an array of
// objects: numbers as numbers (a whole number beyond 2^53 as text, which no JSON reader rounds), times as ISO 8601 text with a Z but
// for those of columns named <time>_local, dates as yyyy-mm-dd, JSON columns as text. A hyphen in the query's place reads an object of a name and a query each, and answers with
// an object of the same names: {"columns": [...], "types": [...], "rows": [[...], ...]}; "error" stands in their place where a
// query fails.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

const given = process.argv.slice(2)
const json = given[0] === '--json' && Boolean(given.shift())
const [sql, folder = '.local'] = given
const views = join(folder, 'views.sql')
if (!sql) fail('there is no query: give SQL="select ...", over the views of ' + views)
if (!existsSync(views)) fail(`${views} is missing: run "make run" first`)
if (sql === '-' && !json) fail('queries that are read are answered as JSON: give --json before the hyphen')

function fail (message) {
  console.error('query: ' + message)
  process.exit(1)
}

const text = value => value === null ? '' : typeof value === 'object' ? value.toString() : String(value)

// plain is a value of a column and its type as JSON has it.
function plain (value, type, column) {
  if (value === null) return null
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (typeof value !== 'object') return value
  if (Array.isArray(value.items)) return value.items.map(item => plain(item, type.valueType, column))
  if (/^TIMESTAMP/.test(String(type))) return value.toString().replace(' ', 'T').replace(/([+-]00(:00)?)?$/, column.endsWith('_local') ? '' : 'Z')
  if (/^DECIMAL/.test(String(type))) return value.toDouble()
  return value.toString()
}

async function answer (connection, query) {
  const reader = await connection.runAndReadAll(query)
  const types = reader.columnTypes()
  const columns = reader.deduplicatedColumnNames()
  return {
    columns,
    types: types.map(String),
    rows: reader.getRows().map(row => row.map((value, i) => plain(value, types[i], columns[i])))
  }
}

try {
  const connection = await (await DuckDBInstance.create()).connect()
  await connection.run(readFileSync(views, 'utf8'))
  if (sql === '-') {
    const answers = {}
    for (const [name, query] of Object.entries(JSON.parse(readFileSync(0, 'utf8')))) {
      answers[name] = await answer(connection, query).catch(error => ({ error: error.message }))
    }
    console.log(JSON.stringify(answers))
  } else if (json) {
    const { columns, rows } = await answer(connection, sql)
    console.log(JSON.stringify(rows.map(row => Object.fromEntries(row.map((value, i) => [columns[i], value])))))
  } else {
    const reader = await connection.runAndReadAll(sql)
    const rows = [reader.columnNames(), ...reader.getRows().map(row => row.map(text))]
    const widths = rows[0].map((_, i) => Math.max(...rows.map(row => row[i].length)))
    for (const row of rows) console.log(row.map((value, i) => value.padEnd(widths[i])).join('  ').trimEnd())
  }
} catch (error) {
  fail(error.message)
}
