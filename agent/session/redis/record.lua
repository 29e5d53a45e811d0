-- What a player has. KEYS: the player's record, the ends of its shard. ARGV: operation, channel, token, player, type, more.
--
-- A record is a hash: type -> session, as codec/session reads it. Sessions that are over end with the next change of their record, or
-- of another one of the shard, and are told of; they are never read. Every answer but that of `read` is: word, found, session, id that
-- was replaced, server before, end of what stood there, number of messages.
local call, rec, ends = redis.call, KEYS[1], KEYS[2]
local op, channel, token, player, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local MARGIN, TYPES, told = 60000, 16, 0
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function int(n) return string.format('%.0f', n) end  -- tostring(1e15) is "1e+15"
local function unpacked(s)
  local id, server, c, t, e, u, k, p =
    string.match(s, '^([^\n]*)\n([^\n]*)\n(%d+) (%d+) (%d+) (%d+) (%S*)\n()')
  if id then return {id = id, server = server, created = c, touched = t, expires = tonumber(e),
    grace = tonumber(u), token = k, data = string.sub(s, p)} end
end
local function packed(x)
  return table.concat({x.id, '\n', x.server, '\n', x.created, ' ', x.touched, ' ', int(x.expires), ' ',
    int(x.grace), ' ', x.token, '\n', x.data})
end
local function end_of(x)
  if x.grace > 0 and x.grace < x.expires then return x.grace end
  return x.expires
end
if op == 'read' then
  local out = {}
  local raw = kind == '' and call('HVALS', rec) or {call('HGET', rec, kind) or nil}
  for _, s in ipairs(raw) do
    local x = unpacked(s)
    if x and end_of(x) > now then out[#out + 1] = s end
  end
  return out
end
local function tell(who, event, why, x, from)
  told = told + 1
  call('PUBLISH', channel, table.concat({event, why, token, from, who, packed(x)}, '\0'))
end
local function load(key)
  local raw, all = call('HGETALL', key), {}
  for i = 1, #raw, 2 do all[raw[i]] = unpacked(raw[i + 1]) end
  return all
end

-- Ends what is over. The record stands a little longer than its longest session, so that its end can be told.
local function settle(key, who, all)
  local soonest, last
  for t, x in pairs(all) do
    local at = end_of(x)
    if at <= now then
      call('HDEL', key, t)
      all[t] = nil
      tell(who, 'ended', at < x.expires and 'server_gone' or 'expired', x, '')
    else
      soonest = math.min(soonest or at, at)
      last = math.max(last or x.expires, x.expires)
    end
  end
  if not soonest then call('ZREM', ends, who) return end
  call('ZADD', ends, int(soonest), who)
  call('PEXPIREAT', key, int(last + MARGIN))
  if call('PTTL', ends) < last + MARGIN - now then call('PEXPIREAT', ends, int(last + MARGIN)) end
end
local function reap(limit)
  local prefix = string.sub(rec, 1, #rec - #player)
  for _, who in ipairs(call('ZRANGEBYSCORE', ends, '-inf', int(now), 'LIMIT', 0, limit)) do
    settle(prefix .. who, who, load(prefix .. who))
  end
end
if op == 'reap' then reap(tonumber(ARGV[6])) return {'ok', '0', '', '', '', '0', tostring(told)} end
local all = load(rec)
for _, x in pairs(all) do if end_of(x) <= now then settle(rec, player, all) break end end
local x, id = all[kind], ARGV[6]
local function answer(word, found, session, replaced, from, score)
  return {word, found and '1' or '0', session and packed(session) or '', replaced or '', from or '', score or '0',
    tostring(told)}
end
local function keep(session)
  all[kind] = session
  call('HSET', rec, kind, packed(session))
  settle(rec, player, all)
end
if op == 'put' then
  local server, ttl, expect, replaces, data, version = ARGV[7], tonumber(ARGV[8]), ARGV[9], ARGV[10], ARGV[11], ARGV[12]
  if x and x.id == id and x.token == token then return answer('ok', x.created ~= x.touched, x) end  -- asked again
  if expect == 'none' and x or expect == 'id' and
    not (x and x.id == replaces and (version == '0' or x.touched == version)) then
    return answer('conflict', x, x)
  end
  local mine, count = x and x.id == id, 0
  for _ in pairs(all) do count = count + 1 end
  if not x and count >= TYPES then return answer('full') end
  local y = {id = id, server = server, created = mine and x.created or int(now), touched = int(now),
    expires = now + ttl, grace = 0, token = token, data = data}
  if not mine then
    if x then tell(player, 'ended', 'replaced', x, '') end
    tell(player, 'created', '', y, '')
  elseif x.server ~= server then tell(player, 'moved', '', y, x.server)
  elseif x.grace > 0 then tell(player, 'restored', '', y, '') end
  keep(y)
  reap(2)
  return answer('ok', mine, y, x and not mine and x.id or '', x and x.server or '', x and int(x.expires) or '0')
elseif op == 'touch' then
  if not (x and x.id == id) then return answer('ok') end
  x.touched, x.expires = int(now), now + tonumber(ARGV[7])
  keep(x)
  return answer('ok', true, x)
elseif op == 'end' then
  if not (x and x.id == id) then return answer('ok') end
  call('HDEL', rec, kind)
  all[kind] = nil
  tell(player, 'ended', ARGV[7], x, '')
  settle(rec, player, all)
  return answer('ok', true, x, '', x.server, int(x.expires))
elseif op == 'orphan' then
  if not (x and x.server == ARGV[6] and x.grace == 0) then return answer('ok') end
  x.grace = now + tonumber(ARGV[7])
  tell(player, 'orphaned', '', x, '')
  keep(x)
  return answer('ok', true, x)
elseif op == 'restore' then
  if not (x and x.server == ARGV[6] and x.grace > 0) then return answer('ok') end
  x.grace = 0
  tell(player, 'restored', '', x, '')
  keep(x)
  return answer('ok', true, x)
end
return redis.error_reply('OUTRIDER-OP unknown')
