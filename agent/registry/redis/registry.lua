-- A registry in one slot of Redis: every operation is one call of this script, and atomic.
-- KEYS: meta kv idx leases ttl own log    ARGV: the operation, and what it takes
local meta, kv, idx, leases, ttl, own, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local call, op = redis.call, ARGV[1]
local SCHEMA, STEP_MS, EPOCH_STEP, LOG_MAX = '1', 2000, 1048576, 10000
local READ_MAX, READ_BYTES, LIST_BYTES, REAP_MAX = 500, 1048576, 4194304, 16

local function int(n) return string.format('%.0f', n) end -- tostring(1e15) is "1e+15"

-- Lua's own < is strcoll, in the server's locale; keys are ordered by their bytes.
local function less(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local function now_ms()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Of "MOD CREATE LEASE\nVALUE". Revisions and leases stay strings: they do not fit into a number of Lua.
local function split(packed)
  if not packed then return '0', '0', '0', '' end
  local mod, create, lease, at = string.match(packed, '^(%d+) (%d+) (%x+)\n()')
  return mod, create, lease, string.sub(packed, at)
end

local m = call('HMGET', meta, 'id', 'epoch', 'rev', 't', 'clock', 'keys', 'leases', 'schema', 'replid')
local id, epoch, rev, t, clock = m[1], m[2], m[3], tonumber(m[4]), tonumber(m[5])

-- Every key is where the counters say: no eviction and no DEL by hand took one of them.
local function is_whole()
  return call('HLEN', kv) == tonumber(m[6]) and call('ZCARD', idx) == tonumber(m[6]) and
    call('ZCARD', leases) == tonumber(m[7]) and call('HLEN', ttl) == tonumber(m[7]) and
    (rev == '1' or call('EXISTS', log) == 1)
end

-- A script is not rolled back: what would be refused in the middle is refused before the first write (7.0 and later).
local function denied()
  for _, command in ipairs({
    {'HSET', meta, 'f', 'v'}, {'HINCRBY', meta, 'f', 1}, {'HGET', meta, 'f'}, {'HMGET', meta, 'f'}, {'HDEL', kv, 'f'},
    {'HGETALL', ttl}, {'HEXISTS', ttl, 'f'}, {'HLEN', kv}, {'ZADD', idx, 0, 'm'}, {'ZREM', own, 'm'}, {'ZCARD', idx},
    {'ZSCORE', leases, 'm'}, {'DEL', meta, kv, idx, leases, ttl, own, log}, {'EXISTS', log}, {'ZRANGEBYLEX', own, '-', '+'},
    {'ZLEXCOUNT', idx, '-', '+'}, {'ZRANGEBYSCORE', leases, '-inf', '+inf'}, {'XADD', log, '1-0', 'f', 'v'},
    {'XRANGE', log, '-', '+'}, {'XREVRANGE', log, '+', '-'}, {'PUBLISH', log, ''}, {'PUBLISH', log .. ':/', ''}, {'TIME'}, {'INFO'}}) do
    if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(command)) then
      return redis.error_reply('OUTRIDER-DENIED ' .. command[1] .. ' on ' .. (command[2] or 'the server'))
    end
  end
end

local function newest_told()
  local last = call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  return last and tonumber(string.match(last[1], '^%d+')) or 0
end

if op == 'open' then -- the id of a store that is made
  local no = denied()
  if no then return no end
  if id and m[8] ~= SCHEMA then
    return redis.error_reply('OUTRIDER-SCHEMA ' .. (m[8] or 'none') .. ' is in the namespace, and this is ' .. SCHEMA)
  end
  local replid = string.match(call('INFO', 'replication'), 'master_replid:(%x+)')
  if not id or not is_whole() or newest_told() > tonumber(rev) then
    call('DEL', meta, kv, idx, leases, ttl, own, log)
    call('HSET', meta, 'id', ARGV[2], 'replid', replid, 'rev', '1', 'epoch', '1', 't', int(now_ms()), 'clock', '0',
      'keys', 0, 'leases', 0, 'schema', SCHEMA)
    call('PUBLISH', log, 'e')
  elseif m[9] ~= replid then -- promoted, restarted or restored: what was acknowledged may be missing
    call('HINCRBY', meta, 'rev', EPOCH_STEP)
    call('HINCRBY', meta, 'epoch', 1)
    call('HSET', meta, 'replid', replid, 't', int(now_ms()))
    call('XADD', log, 'MAXLEN', '~', LOG_MAX, call('HGET', meta, 'rev') .. '-0', 'o', 'e') -- wakes whoever waits
    call('PUBLISH', log, 'e')
    local all = call('HGETALL', ttl) -- every lease has its whole time again
    for i = 1, #all, 2 do call('ZADD', leases, int(clock + all[i + 1]), all[i]) end
  end
  local now = call('HMGET', meta, 'id', 'epoch', 'rev')
  return {now[1], now[2], now[3], call('INFO', 'memory') .. call('INFO', 'persistence') .. call('INFO', 'replication')}
end

if not id or m[8] ~= SCHEMA or not is_whole() then return redis.error_reply('OUTRIDER-UNOPENED open first') end

-- How far the clock goes: no lease ends because the store stood still, or because its wall clock jumped.
local function passed(now)
  local d = now - t
  return d < 0 and 0 or d > STEP_MS and STEP_MS or d
end

local function tick()
  local now = now_ms()
  clock = clock + passed(now)
  call('HSET', meta, 't', int(now), 'clock', int(clock))
end

-- Changes are gathered and told together: each but the last of a revision says that more follow.
local changes = {}

local function note(kind, key, prev, create, lease, value)
  if #changes == 0 then
    call('HINCRBY', meta, 'rev', 1)
    rev = call('HGET', meta, 'rev')
  end
  changes[#changes + 1] = {kind, key, prev, create or rev, lease, value}
  return create or rev
end

local function tell()
  for i, c in ipairs(changes) do
    local entry, kind = rev .. '-' .. (i - 1), c[1] .. (i < #changes and '+' or '')
    local said = redis.pcall('XADD', log, 'MAXLEN', '~', LOG_MAX, entry, 'o', kind, 'k', c[2], 'p', c[3], 'c', c[4], 'l', c[5],
      'v', c[6])
    if type(said) == 'table' and said.err then
      if string.find(said.err, 'ID specified in XADD', 1, true) then -- the counter went back: nothing here can be trusted
        call('HDEL', meta, 'id')
        said.err = 'OUTRIDER-UNOPENED the log is ahead of the revision'
      end
      error(said)
    end
    call('PUBLISH', log .. ':' .. c[2], entry .. ' ' .. kind .. ' ' .. c[3] .. ' ' .. c[4] .. ' ' .. c[5] .. '\n' .. c[6])
  end
  changes = {}
end

local function remove(key, packed)
  local mod, _, lease = split(packed)
  note('d', key, mod, '0', '0', '')
  call('HDEL', kv, key)
  call('HINCRBY', meta, 'keys', -1)
  call('ZREM', idx, key)
  if lease ~= '0' then call('ZREM', own, lease .. ':' .. key) end
end

local function write(key, packed, lease, value)
  local mod, create, old = split(packed)
  create = note('p', key, mod, packed and create, lease, value)
  if not packed then
    call('ZADD', idx, 0, key)
    call('HINCRBY', meta, 'keys', 1)
  end
  if old ~= lease then
    if old ~= '0' then call('ZREM', own, old .. ':' .. key) end
    if lease ~= '0' then call('ZADD', own, 0, lease .. ':' .. key) end
  end
  call('HSET', kv, key, rev .. ' ' .. create .. ' ' .. lease .. '\n' .. value)
end

local function lives(lease)
  local ends = call('ZSCORE', leases, lease)
  return ends and tonumber(ends) > clock
end

local function end_lease(lease)
  for _, key in ipairs(call('ZRANGEBYLEX', own, '[' .. lease .. ':', '(' .. lease .. ';')) do
    key = string.sub(key, #lease + 2)
    remove(key, call('HGET', kv, key))
  end
  tell()
  if call('ZREM', leases, lease) == 1 then call('HINCRBY', meta, 'leases', -1) end
  call('HDEL', ttl, lease)
end

local function reap()
  local dead = call('ZRANGEBYSCORE', leases, '-inf', int(clock), 'LIMIT', 0, REAP_MAX)
  for _, lease in ipairs(dead) do end_lease(lease) end
  return #dead
end

if op == 'keepalive' then -- lease
  tick()
  local n = lives(ARGV[2]) and call('HGET', ttl, ARGV[2])
  if n then call('ZADD', leases, int(clock + n), ARGV[2]) end
  reap()
  return {id, epoch, rev, n or '-1'}
elseif op == 'grant' then -- lease, ttl in ms
  tick()
  reap()
  if call('HEXISTS', ttl, ARGV[2]) == 1 then return {id, epoch, rev, 'exists'} end
  call('HINCRBY', meta, 'leases', 1)
  call('HSET', ttl, ARGV[2], ARGV[3])
  call('ZADD', leases, int(clock + ARGV[3]), ARGV[2])
  return {id, epoch, rev, ARGV[3]}
elseif op == 'reap' then
  tick()
  return {id, epoch, rev, int(reap())}
elseif op == 'revoke' then -- lease
  tick()
  end_lease(ARGV[2])
  return {id, epoch, rev}
elseif op == 'ttl' then -- lease
  local ends = call('ZSCORE', leases, ARGV[2])
  local left = ends and ends - clock - passed(now_ms()) or -1
  return {id, epoch, rev, left > 0 and int(left) or '-1'}
elseif op == 'get' then -- key
  return {id, epoch, rev, call('HGET', kv, ARGV[2]) or ''}
elseif op == 'put' then -- key, expected revision, lease, value
  tick()
  reap()
  local packed = call('HGET', kv, ARGV[2])
  if split(packed) ~= ARGV[3] then return {id, epoch, rev, 'no', packed or ''} end
  if ARGV[4] ~= '0' and not lives(ARGV[4]) then return {id, epoch, rev, 'lost'} end
  write(ARGV[2], packed, ARGV[4], ARGV[5])
  tell()
  return {id, epoch, rev, 'ok'}
elseif op == 'delete' then -- key, expected revision
  local packed = call('HGET', kv, ARGV[2])
  if split(packed) ~= ARGV[3] then return {id, epoch, rev, 'no', packed or ''} end
  if packed then
    remove(ARGV[2], packed)
    tell()
  end
  return {id, epoch, rev, 'ok'}
elseif op == 'txn' then -- how many compare, how many then, how many otherwise; kind key wanted; kind key lease value
  tick()
  reap()
  local compares, thens, others = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  local first, count, word, at = 5 + 3 * compares, thens, 'ok', 5
  while at < 5 + 3 * compares and word == 'ok' do
    local packed = call('HGET', kv, ARGV[at + 1])
    local mod, _, lease, value = split(packed)
    local wanted, kind = ARGV[at + 2], ARGV[at]
    local holds = kind == 'm' and mod == wanted or kind == 'p' and packed or kind == 'v' and packed and value == wanted or
      kind == 'l' and lease == wanted
    if not holds then word, first, count = 'no', first + 4 * thens, others end
    at = at + 3
  end
  local last = first + 4 * (count - 1)
  for i = first, last, 4 do
    if ARGV[i] == 'w' and ARGV[i + 2] ~= '0' and not lives(ARGV[i + 2]) then return {id, epoch, rev, 'lost'} end
  end
  local reads = {}
  for i = first, last, 4 do
    local key = ARGV[i + 1]
    local packed = call('HGET', kv, key)
    if ARGV[i] == 'r' then
      reads[#reads + 1] = packed and key or ''
      reads[#reads + 1] = packed or ''
    elseif ARGV[i] == 'w' then
      write(key, packed, ARGV[i + 2], ARGV[i + 3])
    elseif packed then
      remove(key, packed)
    end
  end
  tell()
  return {id, epoch, rev, word, unpack(reads)}
elseif op == 'list' then -- first, bound, limit, revision
  if tonumber(ARGV[5]) > tonumber(rev) then return {id, epoch, rev, 'gone'} end
  local keys = call('ZRANGEBYLEX', idx, '[' .. ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
  local out, bytes = {id, epoch, rev, int(call('ZLEXCOUNT', idx, '[' .. ARGV[2], ARGV[3]))}, 0
  local values = #keys > 0 and call('HMGET', kv, unpack(keys)) or {}
  for i = 1, #keys do
    bytes = bytes + #keys[i] + #values[i]
    if bytes > LIST_BYTES and i > 1 then return redis.error_reply('OUTRIDER-LARGE page: a smaller limit helps') end
    out[#out + 1] = keys[i]
    out[#out + 1] = values[i]
  end
  return out
elseif op == 'compare' then -- key, revision [, key, revision]
  for i = 2, #ARGV, 2 do
    if split(call('HGET', kv, ARGV[i])) ~= ARGV[i + 1] then return {id, epoch, rev, 'no'} end
  end
  return {id, epoch, rev, 'ok'}
elseif op == 'prove' then
  local no = denied()
  if no then return no end
  call('ZREM', idx, '') -- a server that does not write for now says so here
  return {id, epoch, rev, 'no'}
elseif op == 'since' then -- revision (0: now), first, end [, first, end ...]
  local from, newest = tonumber(ARGV[2]), tonumber(rev)
  if from == 0 then return {id, epoch, rev, 'ok', rev} end
  local got = call('XRANGE', log, ARGV[2] .. '-0', '+', 'COUNT', 100)
  local oldest = got[1] and string.match(got[1][1], '^%d+')
  if from > newest + 1 or (from <= newest and oldest ~= ARGV[2]) then
    return {id, epoch, rev, 'gone', oldest or int(newest + 1)}
  end
  local out, read, bytes = {id, epoch, rev, 'ok', rev}, 0, 0
  while #got > 0 do
    for _, entry in ipairs(got) do
      local f = entry[2]
      for i = 3, #ARGV, 2 do
        if f[2] == 'e' or (not less(f[4], ARGV[i]) and (ARGV[i + 1] == '\0' or less(f[4], ARGV[i + 1]))) then
          out[#out + 1] = entry
          break
        end
      end
      read, bytes = read + 1, bytes + (f[12] and #f[12] or 0)
      if (read >= READ_MAX or bytes >= READ_BYTES) and string.sub(f[2], -1) ~= '+' then -- a revision comes whole
        out[5] = string.match(entry[1], '^%d+')
        return out
      end
    end
    got = call('XRANGE', log, '(' .. got[#got][1], '+', 'COUNT', 100)
  end
  return out
end
return redis.error_reply('OUTRIDER-OP unknown')
