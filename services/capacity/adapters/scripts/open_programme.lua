-- Open a programme or apply its newer figure, let the waiting referrals join its queue, then hand over free places.
--
-- Repeating it changes nothing: the figure of the higher version is valid, and a referral joins only while it waits
-- under the named attempt, or has had no claim under it yet. On a server without data, and for a caller that has seen
-- none, the first programme opens the first epoch.
--
-- ARGV[5] programme, ARGV[6] places, ARGV[7] suspended 0 or 1, ARGV[8] confirmed (ms, 0 for never), ARGV[9] version,
-- ARGV[10] center, ARGV[11] region, ARGV[12] modality, ARGV[13...] for each that joins: referral, attempt, rank
-- Result  {'rebuilding'} | {'ok', epoch, sequence, record, waiting}

local id = ARGV[5]
local got = redis.call('HMGET', KEYS[1], '@epoch', '@sequence', id)
if not got[1] and ARGV[3] == '' and redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then
  got = {ARGV[2], '0', false}
  begin_epoch('@epoch', ARGV[2])
end
if not current(got) then return {'rebuilding'} end

local owner = ARGV[10] .. ' ' .. ARGV[11] .. ' ' .. ARGV[12]
local p, before = programme(id), got[3]
if before and not p then return {'rebuilding'} end
if not p then
  p = {held = 0, occupied = 0}
  programmes[id] = p
end
local figure = p.rest and match(p.rest, '^%d+ %d+')
if not figure or tonumber(ARGV[9]) > tonumber(match(figure, '%d+$')) then
  p.places, p.suspended, figure = tonumber(ARGV[6]), ARGV[7], ARGV[8] .. ' ' .. ARGV[9]
end
p.rest = figure .. ' ' .. owner

if record_of(p) ~= before then emit('set', id, '') end
for i = 13, #ARGV, 3 do
  local key = ARGV[1] .. 'claim:' .. ARGV[i]
  local wanted = tonumber(ARGV[i + 1])
  local attempt, state, rank, names = read_claim(key)
  if not attempt or (state == 'none' and attempt < wanted) then
    attempt, state, rank, names = wanted, 'waiting', ARGV[i + 2], ''
  end
  if state == 'waiting' and attempt == wanted
    and not string.find(' ' .. names .. ' ', ' ' .. id .. ' ', 1, true) then
    redis.call('ZADD', queue(id), rank, ARGV[i])
    redis.call('SET', key, claim_of(attempt, 'waiting', rank, names == '' and id or names .. ' ' .. id))
    append('type', 'queued', 'at', now, 'referral', ARGV[i], 'attempt', digits(attempt), 'rank', rank,
      'programmes', id)
  end
end
hand_over(id)
finish()
return {'ok', epoch, sequence, changed[id] or before, redis.call('ZCARD', queue(id))}
