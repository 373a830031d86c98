-- Set, confirm, suspend or resume a programme's figure, and hand over what that makes free.
--
-- Fewer places than are held or occupied evict nobody. A suspended programme gives nothing and keeps its queue.
--
-- ARGV[5] programme, ARGV[6] places, ARGV[7] suspended 0 or 1, ARGV[8] confirmed (ms); '' leaves one as it is;
-- ARGV[9] the center whose programme it must be, or ''
-- Result  {'rebuilding'} | {'unknown'} | {'ok', epoch, sequence, record, waiting}

local id = ARGV[5]
local got = redis.call('HMGET', KEYS[1], '@epoch', '@sequence', id)
if not current(got) then return {'rebuilding'} end
local p = got[3] and parse(got[3])
if not p or (ARGV[9] ~= '' and ARGV[9] ~= match(p.rest, '^%d+ (%S+)')) then return {'unknown'} end

programmes[id] = p
if ARGV[6] ~= '' then p.places = tonumber(ARGV[6]) end
if ARGV[7] ~= '' then p.suspended = ARGV[7] end
if ARGV[8] ~= '' then
  -- A clock may be put back: of two figures the one set later must be the newer one wherever they are compared.
  local newest = math.max(tonumber(ARGV[8]), tonumber(match(p.rest, '^%d+')) + 1)
  p.rest = string.gsub(p.rest, '^%d+', string.format('%d', newest))
end
tell('set', id, '', '')
hand_over(id)
finish()
return {'ok', epoch, sequence, changed[id], redis.call('ZCARD', queue(id))}
