-- Register a programme, let the referrals that wait for it join its queue, then hand over its places.
--
-- Repeating it changes nothing: of two figures the one confirmed later stands, and a referral joins only while it
-- waits under the attempt named, or has had nothing under that attempt yet: then it waits from now on. On a server without any data, and for a caller who has seen none, the first
-- programme opens the first epoch.
--
-- ARGV[5] programme, ARGV[6] places, ARGV[7] suspended 0 or 1, ARGV[8] confirmed (ms),
-- ARGV[9] center, ARGV[10] region, ARGV[11] modality, ARGV[12...] for each that waits: referral, attempt, rank
-- Result  {'rebuilding'} | {'ok', epoch, sequence, record, waiting}

local id = ARGV[5]
local got = redis.call('HMGET', KEYS[1], '@epoch', '@sequence', id)
if not got[1] and ARGV[3] == '' and redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then
  got = {ARGV[2], '0', false}
  begin_epoch('@epoch', ARGV[2])
end
if not current(got) then return {'rebuilding'} end

local owner = ARGV[9] .. ' ' .. ARGV[10] .. ' ' .. ARGV[11]
local p, before = programme(id), got[3]
if not p then
  p = {places = tonumber(ARGV[6]), held = 0, occupied = 0, suspended = ARGV[7], rest = ARGV[8] .. ' ' .. owner}
  programmes[id] = p
else
  local confirmed = match(p.rest, '^%d+')
  if tonumber(ARGV[8]) > tonumber(confirmed) then
    p.places, p.suspended, confirmed = tonumber(ARGV[6]), ARGV[7], ARGV[8]
  end
  p.rest = confirmed .. ' ' .. owner
end

if record_of(p) ~= before then
  tell('set', id, '', '')
end
for i = 12, #ARGV, 3 do
  local key = ARGV[1] .. 'claim:' .. ARGV[i]
  local wanted = tonumber(ARGV[i + 1])
  local attempt, state, rank, names = read_claim(key)
  if not attempt or (state == 'none' and attempt < wanted) then
    attempt, state, rank, names = wanted, 'waiting', ARGV[i + 2], ''
  end
  if state == 'waiting' and attempt == wanted
    and not string.find(' ' .. names .. ' ', ' ' .. id .. ' ', 1, true) then
    redis.call('ZADD', queue(id), rank, ARGV[i])
    redis.call('SET', key, attempt .. ' waiting ' .. rank .. ' ' .. (names == '' and id or names .. ' ' .. id))
    append('type', 'queued', 'at', now, 'referral', ARGV[i], 'attempt', attempt, 'rank', rank, 'programmes', id)
  end
end
hand_over(id)
finish()
return {'ok', epoch, sequence, changed[id] or before, redis.call('ZCARD', queue(id))}
