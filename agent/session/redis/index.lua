-- An index is verified whenever it is read, so that it may say too much; what it must not do is to lack a session. KEYS: one index.
-- ARGV: operation, member, more.
--
--   claim PLACE TTL INSTEAD   the id is that of the session at PLACE, unless another place has it that is not INSTEAD: that one is
--                             the answer
--   free PLACE                it is no more
--   enter PLAYER TTL          the server has a session of the player
--   leave PLAYER END          it has not, unless it entered again after the one that was to end at END
local call, key, op, member = redis.call, KEYS[1], ARGV[1], ARGV[2]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function int(n) return string.format('%.0f', n) end
if op == 'claim' then
  local there = call('GET', key)
  if there and there ~= member and there ~= ARGV[4] then return there end
  call('SET', key, member, 'PX', int(tonumber(ARGV[3]) + 60000))
elseif op == 'free' then
  if call('GET', key) == member then call('DEL', key) end
elseif op == 'enter' then
  local last = now + tonumber(ARGV[3]) + 60000
  call('ZADD', key, int(now + tonumber(ARGV[3])), member)
  call('ZREMRANGEBYSCORE', key, '-inf', int(now - 60000))
  if call('PTTL', key) < last - now then call('PEXPIREAT', key, int(last)) end
elseif op == 'leave' then
  local score = call('ZSCORE', key, member)
  if score and tonumber(score) <= tonumber(ARGV[3]) then call('ZREM', key, member) end
end
return ''
