-- Restore programmes from the registry, without a step. Claims that were restored before stay counted.
--
-- ARGV[5] epoch, ARGV[6...] for each: programme, places, suspended 0 or 1, confirmed (ms), version, center, region,
--         modality
-- Result  {'rebuilding'} when another rebuild has begun | {'ok'}

if not rebuilding_as(ARGV[5]) then return {'rebuilding'} end
for i = 6, #ARGV, 8 do
  local p = programme(ARGV[i])
  local before = p and (digits(p.held) .. ' ' .. digits(p.occupied)) or '0 0'
  redis.call('HSET', KEYS[1], ARGV[i],
    ARGV[i + 1] .. ' ' .. before .. ' ' .. table.concat(ARGV, ' ', i + 2, i + 7))
end
return {'ok'}
