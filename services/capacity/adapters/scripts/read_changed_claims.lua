-- The claims of every referral in a step after some sequence; after the last step, all figures.
--
-- ARGV[5] that sequence, ARGV[6] how many steps at most
-- Result  {'rebuilding'} | {'ok', epoch, sequence, last step read, {for each a claim as in read_claims.lua},
--         {figures as in figures.lua} or nil while steps are left}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local last, claims, seen = tonumber(ARGV[5]), {}, {}
local steps = redis.call('XRANGE', KEYS[2], '(' .. epoch .. '-' .. ARGV[5], epoch .. '-' .. digits(sequence),
  'COUNT', ARGV[6])
for _, step in ipairs(steps) do
  last = tonumber(match(step[1], '-(%d+)$'))
  for i = 1, #step[2], 2 do
    local referral = step[2][i] == 'referral' and step[2][i + 1]
    if referral and referral ~= '' and not seen[referral] then
      seen[referral] = true
      claims[#claims + 1] = describe(ARGV[1] .. 'claim:' .. referral, referral)
    end
  end
end
return {'ok', epoch, sequence, last, claims, #steps < tonumber(ARGV[6]) and add_figures({})}
