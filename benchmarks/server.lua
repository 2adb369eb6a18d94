-- For wrk: posts one body again and again, and holds each answer against the one that is right.
-- Arguments: the body's file, its content type, and the file with the right answer.

local threads = {}
counts = {}
wrong = 0
local last = 200

function setup(thread)
  table.insert(threads, thread)
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read("*a")
  file:close()
  return content
end

function init(args)
  expected = read(args[3])
  wrk.method = "POST"
  wrk.body = read(args[1])
  wrk.headers["Content-Type"] = args[2]
end

function delay() -- what Retry-After asks for, in milliseconds
  return last == 429 and 1000 or 0
end

function response(status, headers, body)
  last = status
  counts[status] = (counts[status] or 0) + 1
  if status == 200 and body ~= expected then
    wrong = wrong + 1
  end
end

function done(summary, latency, requests)
  local total, wrongs = {}, 0
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("counts")) do
      total[status] = (total[status] or 0) + count
    end
    wrongs = wrongs + thread:get("wrong")
  end
  local statuses = {}
  for status, count in pairs(total) do
    table.insert(statuses, string.format('"%d": %d', status, count))
  end
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format(
    'RESULT {"seconds": %f, "statuses": {%s}, "wrong": %d, "broken": %d, "median": %f, "p99": %f}',
    summary.duration / 1e6, table.concat(statuses, ", "), wrongs, errors,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
